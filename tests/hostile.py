"""The hostile corpus: files that `zoo import` must refuse, over all formats, each with what is wrong and what is said.

    python tests/hostile.py FOLDER

writes them all, FOLDER/FORMAT/CASE/…, and FOLDER/corpus.tsv, which lists for each the words of the command, the regex
of the message and what is wrong. The files of weights go into FOLDER/architecture.keras and FOLDER/lone.keras: import
these first, under the names `architecture` and `lone`. Nothing in the corpus does harm: what a file would run is
`touch pwned`, and what it would read is `/etc/passwd`.
"""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import hostile_damage
import hostile_graphs
import hostile_keras
import hostile_nets
import hostile_numpy
import hostile_safetensors
import hostile_torch
from hostile_case import Case
from hostile_seeds import SEEDS, architectures

SOUND = "sound"
MODULES = (
    hostile_damage, hostile_keras, hostile_graphs, hostile_nets, hostile_torch, hostile_safetensors, hostile_numpy,
)  # fmt: skip
CASES: dict[str, Case] = {case.name: case for module in MODULES for case in module.cases()}


@dataclass(frozen=True)
class Hostile:
    """One file, or several that belong together.

    Attributes:
        name: the format, and what is wrong.
        path: what is imported.
        words: the options of the command.
        message: the regex of its `error:` line.
    """

    name: str
    path: Path
    words: tuple[str, ...]
    message: str

    @property
    def wrong(self) -> str:
        """What is wrong, for people."""
        return self.name.partition("/")[2]


def sound(folder: Path) -> dict[str, Path]:
    """Write the architectures and each format's sound files; return what of each is imported."""
    folder.mkdir(parents=True, exist_ok=True)
    architectures(folder)
    for name, seed in SEEDS.items():
        (folder / name / SOUND).mkdir(parents=True)
        seed.write(folder / name / SOUND)
    return {name: folder / name / SOUND / seed.name for name, seed in SEEDS.items()}


def corpus(folder: Path) -> list[Hostile]:
    """Write the corpus into a folder that has nothing of it yet."""
    sound(folder)
    return [_written(case, folder / case.seed) for case in CASES.values()]


def _written(case: Case, formats: Path) -> Hostile:
    place = formats / re.sub(r"\W+", "-", case.wrong).strip("-")
    shutil.copytree(formats / SOUND, place)
    words = SEEDS[case.seed].words if case.words is None else case.words
    return Hostile(case.name, case.path(place), words, case.message)


def main() -> None:
    """Write the corpus, and the list of it."""
    folder = Path(sys.argv[1])
    rows = [
        "\t".join((str(one.path.relative_to(folder)), " ".join(one.words), one.message, one.wrong))
        for one in corpus(folder)
    ]
    (folder / "corpus.tsv").write_text("\n".join(["path\twords\tmessage\twrong", *rows, ""]))
    print(f"{len(rows)} files that must be refused: {folder / 'corpus.tsv'}")


if __name__ == "__main__":
    main()
