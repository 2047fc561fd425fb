"""How much memory an import takes: the peak of `zoo import` above that of a tiny file, divided by the file's size.

    python benchmarks/import_memory.py [--gb 1.0] [--formats safetensors,pytorch,keras,keras-h5,onnx]

Two dense layers of the same width hold the bytes. The rival is the plain loader: NumPy arrays of the same size, read
once by the format's own library, which takes one time the size at least. Peaks are the kernel's (`ru_maxrss`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

LIMIT = 2.5  # times the file's size
NAMES = ("a", "b")


def arrays(width: int) -> dict[str, np.ndarray]:
    draws = np.random.default_rng(0)
    return {name: draws.standard_normal((width, width), np.float32) / width for name in NAMES}


def as_safetensors(width: int, path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({f"{name}.weight": array for name, array in arrays(width).items()}, path, metadata={"format": "pt"})


def as_pytorch(width: int, path: Path) -> None:
    import torch

    torch.save({f"{name}.weight": torch.from_numpy(array) for name, array in arrays(width).items()}, path)


def model(width: int) -> object:
    import keras

    tensor = source = keras.Input((width,), name="x")
    for name in NAMES:
        tensor = keras.layers.Dense(width, use_bias=False, name=name)(tensor)
    return keras.Model(source, tensor)


def as_keras(width: int, path: Path) -> None:
    made = model(width)
    made.set_weights(list(arrays(width).values()))
    made.save(path)


def as_onnx(width: int, path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    held = [numpy_helper.from_array(array, name) for name, array in arrays(width).items()]
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], "first"),
        helper.make_node("MatMul", ["h", "b"], ["y"], "second"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width]) for name in ("x", "y")]
    made = helper.make_model(
        helper.make_graph(nodes, "g", ends[:1], ends[1:], held), opset_imports=[helper.make_opsetid("", 17)]
    )
    made.ir_version = 8
    onnx.save(made, path)


FORMATS: dict[str, tuple[str, Callable[[int, Path], None], bool]] = {
    "safetensors": ("big.safetensors", as_safetensors, True),
    "pytorch": ("big.pt", as_pytorch, True),
    "keras": ("big.keras", as_keras, False),
    "keras-h5": ("big.h5", as_keras, False),
    "onnx": ("big.onnx", as_onnx, False),
}


def peak(command: list[str], home: Path) -> float:
    """Run a command; return the largest resident size of it, in bytes."""
    environment = {**os.environ, "ZOO_HOME": str(home), "TMPDIR": str(home)}
    measured = (
        "import resource, runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_module('zoo', run_name='__main__')\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measured, "zoo", *command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.split()[-1]) * 1024.0


def measure(format: str, width: int, folder: Path) -> tuple[int, float]:
    """Return a file's size and the peak of its import."""
    file, write, into = FORMATS[format]
    path, home = folder / file, folder / f"home-{width}"
    if os.fork() == 0:  # what writing takes is not to be seen in what comes after
        write(width, path)
        os._exit(0)
    assert os.wait()[1] == 0
    options = ["--into", "big"] if into else []
    if into and not (home / "catalogue.db").exists():
        if os.fork() == 0:
            as_keras(width, folder / "big.keras")
            os._exit(0)
        assert os.wait()[1] == 0
        peak(["import", str(folder / "big.keras"), "--as", "big"], home)
    found = path.stat().st_size, peak(["import", str(path), "--as", f"from-{format}", *options], home)
    path.unlink()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gb", type=float, default=1.0)
    parser.add_argument("--formats", default=",".join(FORMATS))
    chosen = parser.parse_args()
    width, worst = int(np.sqrt(chosen.gb * 1e9 / 4 / len(NAMES))), 0.0
    for format in chosen.formats.split(","):
        with tempfile.TemporaryDirectory() as name:
            _, base = measure(format, 8, Path(name))
            size, most = measure(format, width, Path(name))
        ratio = (most - base) / size
        worst = max(worst, ratio)
        print(f"{format:12} {size / 1e9:.2f} GB: peak {most / 1e9:.2f} GB, {ratio:.2f} times the file's size "
              f"(a tiny file takes {base / 1e9:.2f} GB)", flush=True)  # fmt: skip
    print(f"largest: {worst:.2f} times; limit {LIMIT}")
    sys.exit(worst > LIMIT)


if __name__ == "__main__":
    main()
