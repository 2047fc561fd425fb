"""An interpreter of TensorFlow Lite files. `run` is executed in a process apart, so nothing of ours is imported."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any


def interpreter(module: str, path: str) -> Any:
    """Return an interpreter of a file, in this process; without delegates, which would round otherwise."""
    found = import_module(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's says that it moves to LiteRT
        return found.Interpreter(
            model_path=path,
            num_threads=1,
            experimental_op_resolver_type=found.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )


def run(path: str, settings: Mapping[str, Any], batches: Sequence[Sequence[Any]]) -> tuple[str, list[list[Any]]]:
    """Run a file; see `apart.apart`.

    Args:
        path: the file.
        settings: `module` of the interpreter, and the tensors' indices at `inputs` and `outputs`.
        batches: an array for each input.
    """
    _load(settings["module"])
    made = interpreter(settings["module"], path)
    return "", [_answer(made, dict(zip(settings["inputs"], one, strict=True)), settings["outputs"]) for one in batches]


def _answer(interpreter: Any, given: Mapping[int, Any], outputs: Sequence[int]) -> list[Any]:
    details = {detail["index"]: detail for detail in interpreter.get_input_details()}
    for index, array in given.items():
        if list(details[index]["shape"]) != list(array.shape):
            interpreter.resize_tensor_input(index, array.shape)
    interpreter.allocate_tensors()
    for index, array in given.items():
        interpreter.set_tensor(index, array.astype(details[index]["dtype"]))
    interpreter.invoke()
    return [interpreter.get_tensor(int(index)) for index in outputs]


def _load(module: str) -> None:
    """Import an interpreter's module without its package's own start, which takes TensorFlow seconds."""
    package = module.partition(".")[0]
    spec = importlib.util.find_spec(package)
    assert spec is not None
    hollow = ModuleType(package)
    hollow.__path__ = list(spec.submodule_search_locations or ())
    sys.modules[package] = hollow
    try:
        import_module(module)
    except (ImportError, AttributeError):  # this version needs the package
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
