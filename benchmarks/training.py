"""Training a top on cached features against those who do the same: seconds an epoch, compilation excluded.

    python benchmarks/training.py [--pairs 5] [--json]

The case with dropout has a rate of 0.3 before each layer, as a new top has by default. Rivals, each as its users would
write it: `model.fit` with its defaults; a PyTorch loop over shuffled slices of tensors in memory; scikit-learn's
LogisticRegression (only where the top is one layer, and to its own end instead of a number of epochs); and as the
limit, the time that the matrix products of an epoch take at the rate of BLAS on matrices of 2048 by 2048. All start
from the same weights with Adam and the same batch size, and see every sample once an epoch; the validation that zoo
does each epoch is given to `fit` as well. They alternate, and ratios are taken pair by pair. "With the same result":
the training losses after the same epochs stand beside each other.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from zoo.starting import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from figure import Figure, table  # noqa: E402

from transfer.data.target import Target  # noqa: E402
from transfer.features import Features  # noqa: E402
from transfer.fitting.loop import Loop  # noqa: E402
from transfer.fitting.work import Work  # noqa: E402
from transfer.plan.hyperparameters import Training  # noqa: E402

CLASSES = 10
VALID = 1_000
RATE = 1e-3
SIDE = 2048  # of the matrices that BLAS's rate is measured on


@dataclass(frozen=True)
class Case:
    """Features `[n, width]`, the hidden layer's units (0 for none), the batch size, and the rate of dropout."""

    n: int
    width: int
    hidden: int
    batch: int
    epochs: int
    goal: float | None
    dropout: float = 0.0

    def __str__(self) -> str:
        hidden = f" -> {self.hidden}" if self.hidden else ""
        dropout = f", dropout {self.dropout}" if self.dropout else ""
        return f"[{self.n}, {self.width}]{hidden} -> {CLASSES}, batch {self.batch}{dropout}"

    @property
    def products(self) -> int:
        """Floating-point operations of an epoch's matrix products: forward, weights, and back to the hidden layer."""
        layers = [(self.width, self.hidden), (self.hidden, CLASSES)] if self.hidden else [(self.width, CLASSES)]
        first, *later = [2 * self.n * a * b for a, b in layers]
        return 2 * first + 3 * sum(later)


CASES = (
    Case(55_000, 50, 0, 50, 20, 60.0),
    Case(55_000, 50, 100, 50, 20, 30.0),
    Case(55_000, 50, 100, 256, 90, 10.0),
    Case(20_000, 1280, 100, 256, 20, 3.0),
    Case(55_000, 50, 100, 50, 20, None, 0.3),
)


def made(case: Case) -> tuple[Features, Features]:
    """Draw features and labels of a random linear teacher with noise."""
    draws = np.random.default_rng(0)
    x = draws.normal(size=(case.n + VALID, case.width)).astype(np.float32)
    teacher = draws.normal(size=(case.width, CLASSES)) / np.sqrt(case.width)
    y = np.argmax(x @ teacher + draws.gumbel(size=(len(x), CLASSES)) / 4, axis=1).astype(np.int64)
    return Features((x[: case.n],), y[: case.n]), Features((x[case.n :],), y[case.n :])


def top(case: Case) -> keras.Model:
    """The same fresh weights each time."""
    keras.utils.set_random_seed(0)
    inputs = tensor = keras.Input((case.width,))
    for name, units, activation in (("hidden", case.hidden, "relu"), ("outputs", CLASSES, None)):
        if units and case.dropout:
            tensor = keras.layers.Dropout(case.dropout, seed=0)(tensor)
        if units:
            tensor = keras.layers.Dense(units, activation, name=name)(tensor)
    return keras.Model(inputs, tensor)


Run = Callable[[], tuple[float, float]]  # seconds an epoch, and the training loss of the last


def ours(case: Case, train: Features, valid: Features) -> Run:
    """Compile once; each call goes on for so many epochs."""
    how = Training(epochs=100_000, patience=100_000, batch_size=case.batch, lr=RATE)
    target = Target("class", tuple(map(str, range(CLASSES))))
    loop = Loop(Work(top(case), {"train": train, "valid": valid}, how, target, RATE, 0), float("inf"))
    loop.advance(1)

    def run() -> tuple[float, float]:
        start, left = time.perf_counter(), case.epochs
        while left:
            loop.advance(min(left, loop.ahead))
            left -= min(left, loop.ahead)
        return (time.perf_counter() - start) / case.epochs, loop.epochs[-1].train_loss

    return run


def fitted(case: Case, train: Features, valid: Features) -> Run:
    """`fit` as its defaults are."""
    model = top(case)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(RATE), loss, metrics=["accuracy"])
    check = (valid.arrays[0], valid.labels)
    x, y = train.arrays[0], train.labels
    model.fit(x[: case.batch], y[: case.batch], batch_size=case.batch, validation_data=check, verbose=0)
    model.set_weights(top(case).get_weights())

    def run() -> tuple[float, float]:
        start = time.perf_counter()
        history = model.fit(x, y, batch_size=case.batch, epochs=1, validation_data=check, verbose=0)
        return time.perf_counter() - start, float(history.history["loss"][-1])

    return run


def in_torch(case: Case, train: Features) -> Run:
    """A loop over slices of shuffled tensors."""
    import torch

    drop = [torch.nn.Dropout(case.dropout)] if case.dropout else []
    layers = [*drop, torch.nn.Linear(case.hidden or case.width, CLASSES)]
    if case.hidden:
        layers = [*drop, torch.nn.Linear(case.width, case.hidden), torch.nn.ReLU(), *layers]
    model = torch.nn.Sequential(*layers)
    x, y = torch.from_numpy(train.arrays[0]), torch.from_numpy(train.labels)
    adam, loss_of = torch.optim.Adam(model.parameters(), RATE), torch.nn.CrossEntropyLoss()

    def run() -> tuple[float, float]:
        start, total = time.perf_counter(), 0.0
        order = torch.randperm(len(x))
        for begin in range(0, len(x), case.batch):
            rows = order[begin : begin + case.batch]
            adam.zero_grad(set_to_none=True)
            loss = loss_of(model(x[rows]), y[rows])
            loss.backward()
            adam.step()
            total += loss.item() * len(rows)
        return time.perf_counter() - start, total / len(x)

    return run


def regressed(train: Features) -> Run:
    """LogisticRegression, to its end."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    def run() -> tuple[float, float]:
        start = time.perf_counter()
        model = LogisticRegression(max_iter=1000).fit(train.arrays[0], train.labels)
        seconds = time.perf_counter() - start
        return seconds, float(log_loss(train.labels, model.predict_proba(train.arrays[0])))

    return run


def peak() -> float:
    """Return BLAS's rate, in operations a second."""
    a = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32)
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return float(2 * SIDE**3 / min(seconds))


RIVALS = {
    "keras": "model.fit",
    "torch": "a PyTorch loop",
    "sklearn": "LogisticRegression",
    "blas": "its products by BLAS",
}


def compared(case: Case, pairs: int) -> tuple[list[Figure], dict[str, float]]:
    """Alternate all of them; return the figures, and the losses of those that do the same."""
    train, valid = made(case)
    runs = {"zoo": ours(case, train, valid), "keras": fitted(case, train, valid), "torch": in_torch(case, train)}
    if not case.hidden:
        runs["sklearn"] = regressed(train)
    rows = [{name: run() for name, run in runs.items()} | {"blas": (case.products / peak(), 0.0)} for _ in range(pairs)]
    seconds = statistics.median(row["zoo"][0] for row in rows)
    figures = [
        Figure(
            f"train {case}", rival, tuple(row[name][0] / row["zoo"][0] for row in rows), seconds,
            case.goal if name == "keras" else None,
        )
        for name, rival in RIVALS.items() if name in rows[0]
    ]  # fmt: skip
    return figures, same_result(case, train, valid)


def same_result(case: Case, train: Features, valid: Features, epochs: int = 3) -> dict[str, float]:
    """Train both anew for a few epochs; return their training losses."""
    target = Target("class", tuple(map(str, range(CLASSES))))
    how = Training(epochs=epochs, patience=epochs, batch_size=case.batch, lr=RATE)
    loop = Loop(Work(top(case), {"train": train, "valid": valid}, how, target, RATE, 0), float("inf"))
    loop.advance(epochs)
    run = fitted(case, train, valid)
    return {"zoo": loop.epochs[-1].train_loss, "keras": [run()[1] for _ in range(epochs)][-1]}


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = {str(case): compared(case, arguments.pairs) for case in CASES}
    figures = [figure for some, _ in found.values() for figure in some]
    losses = {case: both for case, (_, both) in found.items()}
    if arguments.json:
        print(json.dumps({"figures": [one.row for one in figures], "losses": losses}, indent=2))
        return
    print(table(figures))
    for case, both in losses.items():
        print(f"{case}: training loss after 3 epochs: zoo {both['zoo']:.4f}, keras {both['keras']:.4f}")


if __name__ == "__main__":
    main()
