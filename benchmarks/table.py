"""All that is claimed of speed and memory, in one table: every benchmark of the list, each in a process of its own.

    python benchmarks/table.py [--only training,cache] [--pairs 5] [--json FILE]

Each line is a ratio against a named rival that ran in turn with ours, the median of its pairs. What is wanted of it
stands beside it; the exit code is 1 where something is missed. The whole takes about an hour on two cores, on which
nothing else should run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figure import Figure, machine, table

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Benchmark:
    """A script beside this one, and what it is called with."""

    name: str
    options: tuple[str, ...] = ()
    paired: bool = True

    def figures(self, pairs: int | None) -> list[Figure]:
        """Run it; its `--json` prints its figures.

        Raises:
            SystemExit: it failed, with what it said.
        """
        many = ("--pairs", str(pairs)) if pairs and self.paired else ()
        command = [sys.executable, str(HERE / f"{self.name}.py"), *self.options, *many, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        try:
            return [Figure.of(row) for row in json.loads(done.stdout)["figures"]]
        except (ValueError, KeyError, TypeError):
            raise SystemExit(f"{' '.join(command)} printed no figures (exit code {done.returncode})") from None


BENCHMARKS = (
    Benchmark("transfer_vs_keras"),
    Benchmark("second"),
    Benchmark("training"),
    Benchmark("extraction"),
    Benchmark("cache"),
    Benchmark("depth", ("--only", "mobilenet-v2"), paired=False),
    Benchmark("cluster"),
    Benchmark("diagnosis"),
    Benchmark("startup"),
)


def main() -> None:
    """Run them and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", help="names, with commas between them")
    parser.add_argument("--pairs", type=int, help="alternations; each benchmark's own number where it is not given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    chosen = parser.parse_args()
    names = chosen.only.split(",") if chosen.only else [one.name for one in BENCHMARKS]
    if unknown := set(names) - {one.name for one in BENCHMARKS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(one.name for one in BENCHMARKS)}")
    found, before = list[Figure](), machine()
    for one in BENCHMARKS:
        if one.name in names:
            print(f"{one.name} …", file=sys.stderr, flush=True)
            found += one.figures(chosen.pairs)
    show(found, before)
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": before, "figures": [one.row for one in found]}, indent=2) + "\n")
    sys.exit(not all(one.held for one in found))


def show(figures: list[Figure], where: dict[str, Any]) -> None:
    """Print the table, and the machine below it."""
    print(table(figures))
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    print(f"\n{where['processor']}, {where['cores']} cores, {where['memory_gb']} GB, load {where['load']:.1f} before")
    print(f"Python {where['python']}, {versions}")


if __name__ == "__main__":
    main()
