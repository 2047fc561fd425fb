"""Which runtimes can run a trunk: the table. They are imported when they are needed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.errors import ZooError, near

if TYPE_CHECKING:
    from transfer.engines.engine import Engine
    from transfer.feeding import Feed, Sliced

AUTO, TENSORFLOW = "auto", "tensorflow"


@dataclass(frozen=True)
class Backend:
    """One runtime.

    Attributes:
        name: what users call it in `--backend`.
        called: its own name.
        module: the module with its `build` and `cost`.
        packages: any of them brings it, each as (package, distribution).
        extra: of ours that brings it; empty where it is always there.
    """

    name: str
    called: str
    module: str
    packages: tuple[tuple[str, str], ...]
    extra: str = ""

    @property
    def version(self) -> str:
        """The distribution that is installed, and its version, or the package alone; empty where there is none."""
        from importlib.metadata import PackageNotFoundError, version  # 20 ms, which `zoo --help` need not wait

        for package, distribution in self.packages:
            if _is_there(package):
                try:
                    return f"{distribution} {version(distribution)}"
                except PackageNotFoundError:  # another distribution brings it, such as onnxruntime-gpu
                    return package
        return ""

    def build(self, trunk: Any, feed: Feed | Sliced) -> Engine:
        """Make a trunk ready for samples as a feed has them.

        Raises:
            ZooError: it is not installed, or the trunk has a layer for which it has no form.
        """
        if not self.version:
            raise ZooError(f"{self.called} is not installed", f"pip install 'zoo[{self.extra}]'")
        engine: Engine = import_module(self.module).build(trunk, feed)
        return engine

    def cost(self, trunk: Any) -> float:
        """Return about how many seconds that takes."""
        seconds: float = import_module(self.module).cost(trunk)
        return seconds


BACKENDS = (  # the cheapest to make ready first
    Backend(TENSORFLOW, "TensorFlow", "transfer.engines.tensorflow", (("tensorflow", "tensorflow"),)),
    Backend("onnx", "ONNX Runtime", "transfer.engines.onnx", (("onnxruntime", "onnxruntime"),), "onnx"),
    Backend(
        "litert", "LiteRT", "transfer.engines.litert",
        (("ai_edge_litert", "ai-edge-litert"), ("tensorflow.lite.python.interpreter", "tensorflow")), "tflite",
    ),
)  # fmt: skip
NAMES = (AUTO, *(backend.name for backend in BACKENDS))


def backend_of(name: str) -> Backend:
    """Return a runtime by its name.

    Raises:
        ZooError: there is none.
    """
    for backend in BACKENDS:
        if backend.name == name:
            return backend
    raise ZooError(f"there is no backend {name!r}", near(name, NAMES))


def versions() -> tuple[str, ...]:
    """Return what is installed of all of them."""
    return tuple(backend.version for backend in BACKENDS)


def _is_there(module: str) -> bool:
    """Look for a module; Python's own search imports all packages around it, TensorFlow among them."""
    package, *inner = module.split(".")
    spec = importlib.util.find_spec(package)
    if spec is None or not inner:
        return spec is not None
    return any(Path(place, *inner).with_suffix(".py").is_file() for place in spec.submodule_search_locations or ())
