"""How long `zoo list` takes, against what it cannot do without: `python -c 'import typer'`.

python benchmarks/startup.py [--pairs 11]

Whole processes, in turn; the ratio is taken pair by pair. The catalogue holds 50 models beside the shipped.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from registry.card import Card
from registry.home import Home
from registry.shelf import Shelf
from registry.spot import Spot

MODELS = 50


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Run a process to its end."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=11)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as empty:
        shelf = Shelf(Home(Path(home)))
        for number in range(MODELS):
            name = f"model-{number}"
            shelf.publish(Card(name, "keras", "model.keras"), Path(empty), Spot(name))
        environment = os.environ | {"ZOO_HOME": home}
        listing = [str(Path(sys.executable).with_name("zoo")), "list"]
        floor = [sys.executable, "-c", "import typer"]
        rows = [(seconds(listing, environment), seconds(floor, environment)) for _ in range(pairs + 1)][1:]
    ratios = [ours / theirs for ours, theirs in rows]
    print(
        f"zoo list takes {statistics.median(ratios):.2f} times as long as importing typer "
        f"(median of {pairs} pairs, {min(ratios):.2f} to {max(ratios):.2f}; "
        f"{statistics.median(ours for ours, _ in rows):.3f} s)"
    )


if __name__ == "__main__":
    main()
