"""A phase's state in TensorFlow variables, and the compiled function that advances it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import tensorflow as tf

from registry.errors import ZooError
from transfer.data.arrays.ahead import ahead
from transfer.fitting.diverging import divergence
from transfer.fitting.fitted import Epoch, Fitted
from transfer.fitting.step import Step
from transfer.fitting.supply import MOST_AHEAD
from transfer.fitting.work import Work
from transfer.traced import traced

OPTIMIZER_OFF = "disable_meta_optimizer"


class Loop:
    """The state of one phase; all of it that changes from one call to the next is in `state`."""

    def __init__(self, work: Work, least: float) -> None:
        self._work, self._how, self._least = work, work.how, least
        self._step = Step(work)
        self._all = [variable.value for variable in work.tail.weights]
        self._best = [tf.Variable(value) for value in self._all]
        self._history = tf.Variable(tf.zeros((work.how.epochs, 3 + self._step.health.steps + self._step.health.shares)))
        self._epoch = tf.Variable(0)
        self._best_epoch = tf.Variable(-1)
        self._best_loss = tf.Variable(least, dtype=tf.float32)
        self._stopped = tf.Variable(False)
        self.ahead = min(work.how.epochs, MOST_AHEAD)
        self._drawn: tuple[int, list[Any]] | None = None
        self._read = list[Epoch]()  # of the history, as far as it has been looked at
        self._traced: Any = None

    @property
    def stopped(self) -> bool:
        """Whether the phase has ended."""
        return bool(self._stopped.numpy())

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """The figures of the epochs that ran."""
        rows = self._history[len(self._read) : int(self._epoch.numpy())].numpy().tolist()
        self._read += [
            Epoch(train, valid, self._exact(figure), self._step.health.layers(health))
            for train, valid, figure, *health in rows
        ]
        return tuple(self._read)

    def advance(self, many: int) -> None:
        """Run some epochs, or fewer where the phase ends; what those to come read is drawn meanwhile."""
        done, at_once = int(self._epoch.numpy()), self._step.supply.at_once
        end = min(done + many, self._how.epochs)
        with _unoptimised(), closing(ahead(self._block, range(done // at_once, -(-end // at_once)))) as coming:
            for block, drawn in coming:
                start = block * at_once
                self._advance(drawn, tf.constant(max(done - start, 0)), tf.constant(min(end - start, at_once)))
                self._drawn = (block, drawn) if end < start + at_once else None
                if self.stopped:
                    break

    def state(self) -> dict[str, Any]:
        """Return each `tf.Variable` that going on after an interruption needs, by a name of its own.

        The tail's are its weights and the states of its generators of random numbers.
        """
        groups = {
            "tail": [variable.value for variable in self._work.tail.variables],
            "best": self._best,
            **self._step.variables,
        }
        named = {f"{group}/{place}": one for group, held in groups.items() for place, one in enumerate(held)}
        return named | {
            "history": self._history, "epoch": self._epoch, "best_epoch": self._best_epoch,
            "best_loss": self._best_loss, "stopped": self._stopped,
        }  # fmt: skip

    def values(self) -> dict[str, Any]:
        """Return the values of `state`, as NumPy arrays."""
        return {name: variable.numpy() for name, variable in self.state().items()}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from the values of `state` at an earlier time.

        Raises:
            ZooError: they are those of another phase.
        """
        state = self.state()
        shapes = [{name: tuple(one.shape) for name, one in held.items()} for held in (state, saved)]
        for name in sorted(set(shapes[0]) | set(shapes[1])):
            if shapes[0].get(name) != shapes[1].get(name):
                held = f"has {name} of shape {shapes[1][name]}" if name in shapes[1] else f"lacks {name}"
                raise ZooError(
                    f"the saved state is not of this phase: it {held}, expected {shapes[0].get(name, 'none')}",
                    "begin the run anew: zoo replay RUN",
                )
        for name, variable in state.items():
            variable.assign(saved[name])
        self._read.clear()

    def finish(self, seconds: float) -> Fitted:
        """Put the best weights into the tail, and account for the phase.

        Raises:
            DivergenceError: no epoch was good.
        """
        for variable, value in zip(self._all, self._best, strict=True):
            variable.assign(value)
        return ended(self._work, self._least, self.epochs, int(self._best_epoch.numpy()) >= 0, seconds)

    def _exact(self, figure: float) -> float:
        return self._step.aim.exact(figure, self._step.valid_n) if math.isfinite(figure) else 0.0

    def _block(self, number: int) -> list[Any]:
        """Return what some epochs read; see `Supply.drawn`."""
        held, self._drawn = self._drawn, None
        return held[1] if held is not None and held[0] == number else self._step.supply.drawn(number)

    def _advance(self, *arguments: Any) -> None:
        if self._traced is None:
            self._traced = traced(self._epochs, *arguments, jit_compile=self._step.xla, autograph=False)
        self._traced(*arguments)

    def _epochs(self, drawn: list[Any], first: Any, end: Any) -> None:
        # Loops are written out: AutoGraph would take longer to translate them than they take to run. Places are counted
        # by the loop's own variable: XLA would compile anew for each value of an argument that a slice begins at.
        def advance(place: Any) -> Any:
            steps = self._work.steps
            loss, measured = self._step.train_epoch(drawn, place * steps, self._epoch.read_value() * steps)
            valid_loss, figure, shares = self._step.validate()
            self._judge(tf.concat([[loss, valid_loss, figure], measured, shares], 0))
            return place + 1

        tf.while_loop(lambda place: (place < end) & ~self._stopped.read_value(), advance, [first])

    def _judge(self, figures: Any) -> None:
        epoch = self._epoch.read_value()
        self._history.assign(tf.tensor_scatter_nd_update(self._history, [[epoch]], [figures]))
        tf.cond(figures[1] < self._best_loss, lambda: self._keep(figures[1], epoch), lambda: None)
        self._epoch.assign_add(1)
        waited = epoch - self._best_epoch
        broken = ~tf.reduce_all(tf.math.is_finite(figures[:3]))
        self._stopped.assign(broken | (waited >= self._how.patience) | (epoch + 1 >= self._how.epochs))

    def _keep(self, loss: Any, epoch: Any) -> None:
        self._best_loss.assign(loss)
        self._best_epoch.assign(epoch)
        for best, value in zip(self._best, self._all, strict=True):
            best.assign(value)


def ended(work: Work, least: float, epochs: tuple[Epoch, ...], improved: bool, seconds: float) -> Fitted:
    """Account for a phase whose models hold the weights that it ends with.

    Raises:
        DivergenceError: no epoch was good.
    """
    diverged = not math.isfinite(epochs[-1].train_loss + epochs[-1].valid_loss)
    fitted = Fitted(epochs, improved, seconds, diverged)
    if diverged and not improved and math.isinf(least):
        raise divergence(work, fitted)
    return fitted


@contextmanager
def _unoptimised() -> Iterator[None]:
    """Turn TensorFlow's graph optimiser off: on such a loop it takes longer than it ever saves."""
    before = bool(tf.config.optimizer.get_experimental_options().get(OPTIMIZER_OFF))
    tf.config.optimizer.set_experimental_options({OPTIMIZER_OFF: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({OPTIMIZER_OFF: before})
