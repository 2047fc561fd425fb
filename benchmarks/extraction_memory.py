"""The peak of a process that extracts with a large model, above that of one with a tiny model.

    python benchmarks/extraction_memory.py --save|--extract FILE.keras --width N

is what each of these processes runs; `extraction.py` calls `memory`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from extraction_inputs import dense_net, draws, inputs


def memory(gb: float) -> dict[str, Any]:
    """Return the peak of an extraction above that with a tiny model, by the size of the weights."""
    width = int(np.sqrt(gb * 1e9 / 4 / 2))
    base, most = child(8), child(width)
    size = 2 * 4 * width * (width + 1)
    return {"bytes": size, "base": base, "peak": most, "ratio": (most - base) / size}


def child(width: int) -> int:
    """Load a model from its file and extract with it in a process of its own; return its peak."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        for step in ("--save", "--extract"):
            command = [sys.executable, __file__, step, str(path), "--width", str(width)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return int(done.stdout.split()[-1])


def peak() -> int:
    """The largest resident size of this process; `ru_maxrss` begins with that of the process that started it."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def extract(path: Path, width: int) -> None:
    from zoo.starting import start_tensorflow

    start_tensorflow()
    from transfer.cache import FeatureCache
    from transfer.cache_keys import key_of
    from transfer.importers.keras_file import read
    from transfer.split import split

    model = read(path, compare=False).model
    below = tuple(layer.name for layer in model.layers)[:-1]
    halves = split(model, below)
    with tempfile.TemporaryDirectory() as folder:
        key = key_of(model, below, halves, "")
        FeatureCache(Path(folder)).features(key, halves, inputs(draws(3000, width)))
    print(peak())


def save(path: Path, width: int) -> None:
    import keras

    net = dense_net(width, width, 2)
    keras.Model(net.inputs, keras.layers.Dense(2, name="outputs")(net.outputs[0])).save(path)


def main() -> None:
    """Do one step, as `child` asks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--extract", type=Path)
    parser.add_argument("--width", type=int, required=True)
    chosen = parser.parse_args()
    save(chosen.save, chosen.width) if chosen.save else extract(chosen.extract, chosen.width)


if __name__ == "__main__":
    main()
