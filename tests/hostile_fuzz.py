"""Bits turned and files cut off at random, format by format, with what each took in time and memory.

    python tests/hostile_fuzz.py FORMAT SOUND COUNT

reads COUNT damaged copies of the files in the folder SOUND, which `hostile.sound` writes, and prints one JSON object:
how many were read and refused, the most CPU seconds that one took, the most memory that the process held, and what
broke the rules, each with the number that makes it again.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script it runs in a process of its own

from hostile_seeds import SEEDS

from registry.errors import ZooError

LONGEST = 1500  # characters of a message, which may list twenty names a side


def taken(seed: str, path: Path) -> None:
    """Import a file; of weights alone read all arrays."""
    if not SEEDS[seed].words:
        from transfer.importers.table import importer_for

        importer_for(str(path)).read(str(path))
        return
    from transfer.weights.table import reader_for

    found = reader_for(path).read(path)
    for name, shape in found.shapes.items():
        assert found.load(name).shape == shape, name


def damaged(data: bytes, draws: random.Random) -> bytes:
    """Cut bytes off at a random place, or turn some bits: anywhere, or near the beginning, where headers are."""
    if draws.randrange(4) == 0:
        return data[: draws.randrange(len(data))]
    turned, reach = bytearray(data), draws.choice((64, len(data) // 4, len(data)))
    for _ in range(draws.choice((1, 1, 2, 8))):
        turned[draws.randrange(max(min(reach, len(data)), 1))] ^= 1 << draws.randrange(8)
    return bytes(turned)


def outcomes(seed: str, sound: Path, numbers: range, work: Path) -> Iterator[tuple[int, str, float]]:
    """Yield for each number how its file fared (`read`, `refused`, or what is wrong), and the CPU seconds."""
    for number in numbers:
        draws = random.Random(f"{seed} {number}")
        folder = work / str(number)
        shutil.copytree(sound, folder)
        file = folder / draws.choice(SEEDS[seed].files)
        file.write_bytes(damaged(file.read_bytes(), draws))
        begun = time.process_time()
        fared = _fared(seed, folder / SEEDS[seed].name)
        yield number, fared, time.process_time() - begun
        shutil.rmtree(folder)


def _fared(seed: str, path: Path) -> str:
    try:
        taken(seed, path)
    except ZooError as error:
        plain = error.message and "\n" not in error.message and len(error.message) < LONGEST
        return "refused" if plain and str(path.parent) in error.message else f"a poor message: {error.message[:400]}"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {where.filename}:{where.lineno}: {str(error)[:300]}"
    return "read"


def main() -> None:
    """Read the sound file once, which imports what it needs; then the damaged ones."""
    seed, sound, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    taken(seed, sound / SEEDS[seed].name)
    with tempfile.TemporaryDirectory() as work:
        found = list(outcomes(seed, sound, range(count), Path(work)))
    broken = {number: fared for number, fared, _ in found if fared not in ("read", "refused")}
    report = {
        "read": sum(fared == "read" for _, fared, _ in found),
        "refused": sum(fared == "refused" for _, fared, _ in found),
        "broken": broken,
        "seconds": round(max(seconds for *_, seconds in found), 3),
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
