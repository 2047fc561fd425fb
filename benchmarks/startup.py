"""How long `zoo list` takes, against what it cannot do without: `python -c 'import typer'`.

python benchmarks/startup.py [--pairs 11] [--json]

Whole processes, in turn; the ratio is taken pair by pair. The catalogue holds 50 models beside the shipped.
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
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as empty:
        shelf = Shelf(Home(Path(home)))
        for number in range(MODELS):
            name = f"model-{number}"
            shelf.publish(Card(name, "keras", "model.keras"), Path(empty), Spot(name))
        environment = os.environ | {"ZOO_HOME": home}
        listing = [str(Path(sys.executable).with_name("zoo")), "list"]
        floor = [sys.executable, "-c", "import typer"]
        rows = [(seconds(listing, environment), seconds(floor, environment)) for _ in range(chosen.pairs + 1)][1:]
    ratios = tuple(theirs / ours for ours, theirs in rows)
    figure = Figure("zoo list", "python -c 'import typer'", ratios, statistics.median(ours for ours, _ in rows))
    print(json.dumps({"figures": [figure.row]}, indent=2) if chosen.json else table([figure]))


if __name__ == "__main__":
    main()
