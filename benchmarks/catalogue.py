"""How the catalogue does with a million models: lists as whole processes, searches and commits inside one.

python benchmarks/catalogue.py [--models 1000000] [--keep FOLDER] [--pairs 11] [--url postgresql://...]

Making a million models takes five to twenty minutes. `--keep` leaves the catalogue in a folder (3 GB) and takes it from
there the next time. Lists and `python -c 'import typer'` run in turn, and the ratio is taken pair by pair. The exit
code is 1 where a limit is not held.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from registry.card import Card, FileEntry, LayerInfo
from registry.catalogue import Catalogue
from registry.home import Home

OWNERS = ("acme", "edge", "foundry", "google", "ml-ops", "northwind", "openlab", "research", "vision-team")
FAMILIES = (
    "albert", "bert", "clip", "convnext", "deeplab", "densenet", "distilbert", "efficientnet", "electra", "gpt2",
    "inception", "lenet", "mobilenet", "musicnn", "nasnet", "resnet", "roberta", "swin", "t5", "unet", "vgg", "vit",
    "wav2vec", "whisper", "xception", "yamnet", "yolo",
)  # fmt: skip
DATA = (
    "birds", "cars", "cifar10", "coco", "esc50", "fashion", "flowers", "food101", "glue", "imagenet", "librispeech",
    "mnist", "pets", "plants", "squad",
)  # fmt: skip
TASKS = (
    "audio-classification", "automatic-speech-recognition", "feature-extraction", "image-classification",
    "image-segmentation", "object-detection", "question-answering", "summarization", "text-classification",
)  # fmt: skip
TAGS = ("baseline", "distilled", "edge-device", "experimental", "fp16", "large", "multilingual", "pruned", "small")
WORDS = (
    "accuracy", "animals", "augmented", "balanced", "classifier", "commands", "compact", "data", "deep", "detector",
    "digits", "encoder", "fast", "few", "for", "from", "frozen", "good", "handwritten", "held-out", "images", "labels",
    "layers", "learning", "lower", "new", "noisy", "of", "on", "plants", "pretrained", "reaches", "reviews", "robust",
    "samples", "scenes", "scratch", "shallow", "short", "spoken", "street", "texts", "top", "trained", "transfer",
    "with",
)  # fmt: skip
WIDTHS = (32, 64, 96, 128, 224)
LAYERS = {
    width: tuple(LayerInfo(f"block{n}", "Dense", width * width * n, n > 5) for n in range(10)) for width in WIDTHS
}


def models(count: int) -> Iterator[tuple[Card, str]]:
    """Make up cards and their READMEs; the same ones every time."""
    draw = random.Random(1)
    for number in range(count):
        yield model(number, draw), " ".join(draw.choices(WORDS, k=20))


def model(number: int, draw: random.Random) -> Card:
    """Make up a card of 10 layers and 3 files; every model is tagged `keras`, one in a hundred `published`."""
    (owner,), (family,), (data,), (width,) = (draw.choices(some) for some in (OWNERS, FAMILIES, DATA, WIDTHS))
    tags = dict.fromkeys(["keras", data, *draw.choices(TAGS, k=2)] + ["published"] * (number % 100 == 0))
    files = tuple(
        FileEntry(path, int(draw.random() * 10**8), hashlib.sha256(f"{number}/{path}".encode()).hexdigest())
        for path in ("model.keras", "README.md", "tests.npz")
    )
    return Card(
        f"{owner}/{family}-{data}-{width}-{number}", "keras", "model.keras", task=draw.choices(TASKS)[0],
        summary=" ".join(draw.choices(WORDS, k=8)), license="apache-2.0", tags=tuple(tags), layers=LAYERS[width],
        files=files,
    )  # fmt: skip


LISTS = (
    ["--limit", "20"],
    ["*/mobilenet-mnist-*", "--limit", "20"],
    ["acme/mobilenet-*", "--limit", "20"],
    ["--task", "image-classification", "--limit", "20"],
    ["--tag", "published", "--limit", "20"],
    ["acme/*", "--task", "image-classification", "--tag", "published", "--limit", "20"],
    ["--sort", "updated", "--limit", "20"],
    ["--tag", "published", "--sort", "size", "--limit", "20"],
)
SEARCHES = {
    "a rare word": "musicnn-mnist-224-77",
    "a word that one model has": "424242",
    "a word that all models have": "keras",
    "a frequent word": "classifier",
    "two frequent words": "classifier images",
    "three frequent words": "street mobilenet mnist",
    "three words that all models have": "keras apache 2",
    "five frequent words": "trained classifier images digits data",
    "ten frequent words, of which six must be there": " ".join(WORDS[::4][:10]),
    "one letter": "m",
    "two letters": "im",
    "three letters": "cla",
    "the beginning of a frequent word": "classif",
    "the beginning of what all have": "kera",
    "a frequent word and one that none has": "classifier nothing",
    "a word that none has": "nothing",
}


@dataclass(frozen=True)
class Measured:
    """A figure against its limit: the median counts."""

    what: str
    values: list[float]
    limit: float
    unit: str

    @property
    def holds(self) -> bool:
        return statistics.median(self.values) <= self.limit

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        return (
            f"{'ok  ' if self.holds else 'FAIL'} {self.what:<64} {statistics.median(self.values):7.2f} "
            f"({low:.2f} to {high:.2f}), at most {self.limit:g} {self.unit}"
        )


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Run a process to its end."""
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def check_shown(command: list[str], environment: dict[str, str]) -> None:
    """Make sure that a list shows made-up models: of a kept catalogue of another version it might show none."""
    shown = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    if " local " not in shown:
        sys.exit(f"{shlex.join(command)} shows none of the made-up models:\n{shown}")


def milliseconds(work: Callable[[], object]) -> float:
    """Run something in this process."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def lists(environment: dict[str, str], pairs: int) -> Iterator[Measured]:
    """Run `zoo list` in several ways, each in turn with the import of typer.

    The driver of PostgreSQL takes longer to import than typer, and a connection is opened.
    """
    limit = 6 if environment["ZOO_CATALOGUE"] else 2.5
    zoo = str(Path(sys.executable).with_name("zoo"))
    floor = [sys.executable, "-c", "import typer"]
    for options in LISTS:
        command = [zoo, "list", *options]
        check_shown(command, environment)
        rows = [(seconds(command, environment), seconds(floor, environment)) for _ in range(pairs + 1)][1:]
        yield Measured(
            shlex.join(["zoo", *command[1:]]), [ours / theirs for ours, theirs in rows], limit, "x import typer"
        )


def searches(catalogue: Catalogue, times: int) -> Iterator[Measured]:
    """Search for several kinds of words; the first time is left out."""
    for kind, query in SEARCHES.items():
        spent = [milliseconds(lambda query=query: catalogue.search(query)) for _ in range(times + 1)][1:]
        found = len(catalogue.search(query))
        yield Measured(f"search for {kind}: {query!r}, {found} found", spent, 150, "ms")


def additions(catalogue: Catalogue, times: int) -> Iterator[Measured]:
    """Add models of 10 layers and 3 files, revisions of one that is there, and take them away again."""
    draw = random.Random(time.time_ns())
    cards = [model(draw.randrange(10**9, 10**12), draw) for _ in range(times)]
    yield Measured("add a model", [milliseconds(lambda card=card: catalogue.commit(card)) for card in cards], 20, "ms")
    more = [replace(cards[0], summary=f"revision {number}") for number in range(times)]
    updates = [milliseconds(lambda card=card: catalogue.commit(card, update=True)) for card in more]
    yield Measured("add a revision", updates, 20, "ms")
    removals = [milliseconds(lambda card=card: catalogue.remove(card.name)) for card in cards]
    yield Measured("remove a model", removals, 20, "ms")


def fill(catalogue: Catalogue, count: int) -> None:
    """Make the models, unless they are there."""
    if not catalogue.count():
        start = time.perf_counter()
        catalogue.load(models(count))
        print(f"made {count:,} models in {time.perf_counter() - start:.0f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--models", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = Home(options.keep or Path(temporary), options.url)
        catalogue = Catalogue(home.catalogue)
        fill(catalogue, options.models)
        print(f"{catalogue.count():,} models")
        environment = os.environ | {"ZOO_HOME": str(home.root), "ZOO_CATALOGUE": options.url}
        held = True
        for measured in chain(
            lists(environment, options.pairs), searches(catalogue, options.pairs), additions(catalogue, options.pairs)
        ):
            print(measured, flush=True)
            held &= measured.holds
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
