"""Work for other processes in tests: publishing, pulling and removing, without end or many times."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from registry.card import Card
from registry.collect import collect, discard
from registry.errors import ZooError
from registry.home import Home, home
from registry.pulling import downloaded, offer
from registry.ref import Ref
from registry.shelf import Shelf
from registry.sources.folder.source import Files
from registry.spot import Spot
from registry.verify import damage
from registry.watch import silent


def write_model(folder: Path, seed: int, size: int = 20_000) -> Card:
    """Write a folder of two files of random bytes; return the card."""
    draw = random.Random(seed)
    (folder / "w.h5").write_bytes(draw.randbytes(size))
    (folder / "shared.txt").write_text("the same in every model")
    return Card(f"model-{seed}", "files", "w.h5", task="image-classification", tags=("made",))


def publish_many(job: tuple[Home, int, int]) -> list[str]:
    """Publish some models into a home; return their names. `job` is the home, the first seed and how many."""
    at, first, count = job
    shelf = Shelf(at)
    names = []
    for seed in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder:
            card = write_model(Path(folder), seed, 2_000)
            names.append(shelf.publish(card, Path(folder), Spot(card.name)).name)
    return names


def collect_until(job: tuple[Home, str]) -> int:
    """Collect garbage again and again until a model is there; return how many times. `job` is the home and its name."""
    at, name = job
    times = 0
    while not Shelf(at).local.find(name):
        if Shelf(at).local.catalogue.exists():  # before the first commit zoo gc refuses, as it should
            collect(Shelf(at).local)
            times += 1
    return times


def churn(seed: int, source: str) -> None:
    """Publish, update, pull, tag, remove and collect until killed."""
    draw, shelf = random.Random(seed), Shelf()
    while True:
        with tempfile.TemporaryDirectory() as name:
            card = write_model(Path(name), draw.randrange(20))
            draw.choice((publish, publish, pull, pull, remove, tidy))(shelf, card, Path(name), source, draw)


def publish(shelf: Shelf, card: Card, folder: Path, source: str, draw: random.Random) -> None:
    shelf.publish(card, folder, Spot(card.name, update=True, branch=draw.choice(("main", "dev"))))


def pull(shelf: Shelf, card: Card, folder: Path, source: str, draw: random.Random) -> None:
    offered = offer(Ref.parse(source))
    with downloaded(offered, shelf.home.downloads, silent) as got:
        text = (got / "zoo.json").read_bytes()
        shelf.adopt(text, got, Spot(f"pulled-{draw.randrange(5)}", update=True, origin=str(offered.listing.ref)))


def remove(shelf: Shelf, card: Card, folder: Path, source: str, draw: random.Random) -> None:
    names = [line.name for line in shelf.summaries(source="local")]
    if len(names) > 5:
        try:
            discard(shelf.local, shelf.local.catalogue.remove(draw.choice(names)))
        except ZooError:  # another process was first
            return


def tidy(shelf: Shelf, card: Card, folder: Path, source: str, draw: random.Random) -> None:
    if shelf.local.catalogue.exists():  # without one, as before the very first commit, files are left alone
        collect(shelf.local)


def kill_many(kills: int) -> None:
    """Fork, kill the child at a random moment, and verify everything that is in the catalogue; so many times.

    Prints a line for each kill: what is wrong, or `ok` and the number of revisions.
    """
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "place"
        source = f"file:{place}/net"
        made = Path(name) / "made"
        made.mkdir()
        shelf = Shelf(Home(Path(name) / "first"))
        model = shelf.publish(write_model(made, 1000, 300_000), made, Spot("net"))
        (made / "zoo.json").write_bytes(shelf.zoo_json(model))
        Files().push(made, model.card, Ref.parse(source), watch=silent)
        pull(shelf, model.card, made, source, draw)  # which imports what the children will need
        remove(shelf, model.card, made, source, draw)
        tidy(shelf, model.card, made, source, draw)
        start = time.perf_counter()
        publish(shelf, write_model(made, 1001), made, source, draw)
        pull(shelf, model.card, Path(name), source, draw)
        both = time.perf_counter() - start  # how long it takes on this machine, under the load that it has now
        for number in range(kills):
            kill_one(number, source, draw.uniform(0.0, 2 * both))
            print(verdict(), flush=True)


def kill_one(seed: int, source: str, after: float) -> None:
    child = os.fork()
    if child == 0:
        try:
            churn(seed, source)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(3)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        print("the child ended by itself", flush=True)


def verdict() -> str:
    shelf = Shelf()
    models = list(shelf.local.catalogue.all_models())
    wrong = [f"{model.ref}: {problem}" for model in models for problem in damage(shelf, model)]
    wrong += shelf.local.catalogue.check()
    return "; ".join(wrong) or f"ok {len(models)}"


if __name__ == "__main__":
    assert home().root.is_absolute()
    kill_many(int(sys.argv[1]))
