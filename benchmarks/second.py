"""A second transfer with another top on features that are cached: what it takes beyond importing TensorFlow.

    python benchmarks/second.py [--pairs 5] [--json]

Whole processes, from `zoo transfer …` to its end: model, data, training, test, model file, card and report; what they
take more than a process that imports TensorFlow, in seconds, pair by pair. `one phase` trains the new top and nothing
else (`--unfreeze none --no-compare-scratch`); `default` unfreezes while it helps and trains the control from scratch,
which is six or more trainings that another top has to do anew. The rivals are `import tensorflow` in plain Python, and
the same as a command does it, which is quicker (`zoo/starting.py`). Code is compiled before, as an installed package's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figure import Figure, table

ZOO = str(Path(sys.executable).with_name("zoo"))
TRANSFER = [ZOO, "transfer", "mnist-dnn", "--reuse", "hidden[123]", "--epochs", "40", "--quiet"]
ONE_PHASE = ["--unfreeze", "none", "--no-compare-scratch"]
OURS = "from zoo.starting import forget, own_process, start_tensorflow as start; own_process(); start(); forget()"
IMPORTS = {
    "import tensorflow": [sys.executable, "-c", "import tensorflow"],
    "TensorFlow as zoo imports it": [sys.executable, "-c", OURS],
}
WAYS = ("one phase", "default")
LIMITS = {("one phase", "import tensorflow"): 1.0}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Run a process to its end."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(pairs: int) -> dict[str, list[float]]:
    """Alternate, each time with another top; the features were cached by a transfer before."""
    found: dict[str, list[float]] = {name: [] for name in (*IMPORTS, *WAYS)}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as home:
        environment["ZOO_HOME"] = home
        for width in range(100, 101 + pairs):
            top = ["--top", str(width)]
            commands = IMPORTS | {"one phase": [*TRANSFER, *top, *ONE_PHASE], "default": [*TRANSFER, *top]}
            for name, command in commands.items():
                found[name].append(seconds(command, environment))
    return {name: taken[1:] for name, taken in found.items()}  # the first time nothing was cached


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = measure(chosen.pairs)
    figures = [
        Figure(
            f"second transfer, {what}", rival,
            tuple(ours - theirs for ours, theirs in zip(found[what], found[rival], strict=True)),
            statistics.median(found[what]), LIMITS.get((what, rival)), most=True, unit="seconds more",
        )
        for what in WAYS for rival in IMPORTS
    ]  # fmt: skip
    print(json.dumps({"figures": [one.row for one in figures]}, indent=2) if chosen.json else table(figures))


if __name__ == "__main__":
    main()
