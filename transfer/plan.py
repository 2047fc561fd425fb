"""The plan: every choice of a transfer as one value, and what follows from it. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.data.reading import Reading
from transfer.graph import closed, cut, sources, weighted
from transfer.scope import select

AUTO = ("auto",)
VIEWS = 8
RESIZES = ("stretch", "crop", "pad")
INITS = ("he", "xavier", "lecun")
ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "swish", "tanh", "sigmoid")


@dataclass(frozen=True)
class Top:
    """The new layers above the highest reused one.

    Attributes:
        units: widths of new hidden dense layers, `(100, 50)`; None keeps the source's architecture.
        activation: of the new hidden layers; None keeps the source's (`elu` where `units` is given).
        init: `he`, `xavier` or `lecun` for the new kernels; None chooses by activation.
        batch_norm: normalise after each new hidden layer's activation.
        dropout: the share of units dropped before each new dense layer, in training.
    """

    units: tuple[int, ...] | None = None
    activation: str | None = None
    init: str | None = None
    batch_norm: bool = False
    dropout: float = 0.3

    def __post_init__(self) -> None:
        _check(0 <= self.dropout < 1, f"--dropout must be at least 0 and below 1, got {self.dropout}")
        _one_of("--init", self.init, INITS)
        _one_of("--activation", self.activation, ACTIVATIONS)
        _check(self.units is None or all(width > 0 for width in self.units), "--top wants widths above 0")


@dataclass(frozen=True)
class Training:
    """How a phase trains.

    Attributes:
        epochs: the most that a phase may take.
        patience: epochs without a better validation loss after which it ends.
        batch_size: samples a step.
        lr: Adam's learning rate in the first phase.
        unfreeze_lr: the later phases' rate, as a factor of `lr`.
        clip_norm: the largest global norm of the gradients; None does not clip.
    """

    epochs: int = 100
    patience: int = 10
    batch_size: int = 50
    lr: float = 1e-3
    unfreeze_lr: float = 0.3
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch_size", "lr", "unfreeze_lr", "clip_norm"):
            value = getattr(self, name)
            _check(value is None or value > 0, f"--{name.replace('_', '-')} must be above 0, got {value}")


@dataclass(frozen=True)
class Imaging:
    """How images are given to the model.

    Attributes:
        size: height and width in pixels; None takes the images' own where they have one and the model allows it, else
            the model's.
        resize: how images of other sizes are brought to that: `stretch`, `crop` or `pad`; None as the card says.
        preprocess: how pixels become numbers (`transfer.preprocessing`); empty as the card says.
        augment: random changes in training (`transfer.augment`), such as `flip,crop`; empty for none.
        views: how many versions of an image are cached for the layers above a cut, each but the first changed at
            random; None is 8 where there is something to change, else 1.
    """

    size: tuple[int, int] | None = None
    resize: str | None = None
    preprocess: str = ""
    augment: str = ""
    views: int | None = None

    def __post_init__(self) -> None:
        _check(self.size is None or all(0 < side <= 4096 for side in self.size), "--image-size wants 1 to 4096 pixels")
        _one_of("--resize", self.resize, RESIZES)
        _check(self.views is None or 1 <= self.views <= 1000, f"--views must be 1 to 1000, got {self.views}")
        _check(not self.views or bool(self.augment), "--views wants to know what changes: add --augment flip,crop")

    @property
    def recorded(self) -> int:
        """How many views of a training image are cached."""
        return self.views or (VIEWS if self.augment else 1)


@dataclass(frozen=True)
class Plan:
    """All that decides a run, but for the bytes of the model and of the data.

    Attributes:
        model: the reference with revision.
        data: the data reference.
        reuse: the regex of the layers whose weights are kept.
        freeze: the regex of those of them that stay fixed in the first phase; None means all.
        unfreeze: `("auto",)`, `()` for a single phase, or one regex a further phase.
        top, training: see there.
        reading: how the data are read.
        imaging: how images are given to the model.
        compare_scratch: also train the same architecture from fresh weights.
        cached: train from cached features; False runs the frozen layers in every step, with the same result.
        seed: of fresh weights, dropout and the order of samples.
    """

    model: str
    data: str
    reuse: str
    freeze: str | None = None
    unfreeze: tuple[str, ...] = AUTO
    top: Top = field(default_factory=Top)
    training: Training = field(default_factory=Training)
    reading: Reading = field(default_factory=Reading)
    imaging: Imaging = field(default_factory=Imaging)
    compare_scratch: bool = True
    cached: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Phase:
    """What is fixed and what trains for one stretch of training.

    Attributes:
        number: from 1.
        frozen: scopes of the reused layers that do not train.
        train: scopes of the layers with parameters that do.
        lr: Adam's learning rate.
    """

    number: int
    frozen: tuple[str, ...]
    train: tuple[str, ...]
    lr: float


@dataclass(frozen=True)
class Selection:
    """Which layers a plan reuses and freezes, and where it cuts.

    Attributes:
        layers: all layers of the model, from the input upwards.
        reused: scopes whose weights are kept.
        frozen: those of them that the first phase does not train.
    """

    layers: tuple[LayerInfo, ...]
    reused: tuple[str, ...]
    frozen: tuple[str, ...]

    @property
    def cut(self) -> tuple[str, ...]:
        """The layers at the edge of the first phase's frozen part."""
        return cut(self.layers, closed(self.layers, self.frozen))

    @property
    def below(self) -> frozenset[str]:
        """The reused layers and all that feeds them; the rest is the top."""
        feeding = sources(self.layers)
        return frozenset().union(*(feeding[name] for name in self.reused))


def choose(layers: Sequence[LayerInfo], reuse: str, freeze: str | None = None) -> Selection:
    """Select the layers that a plan reuses and freezes.

    Raises:
        ZooError: a regex is invalid, selects nothing, or leaves nothing to train.
    """
    scopes = [layer.name for layer in layers]
    reused = select(reuse, scopes)
    has_weights = set(weighted(layers))
    if not has_weights.intersection(reused):
        raise ZooError(f"the regex {reuse!r} selects only layers without weights: {', '.join(reused)}")
    frozen = reused if freeze is None else select(freeze, reused)
    if has_weights.issubset(frozen):
        raise ZooError(
            f"the regex {freeze or reuse!r} selects every layer: nothing is left to train",
            f"leave out the last layer, {weighted(layers)[-1]}, or name in --freeze what stays fixed",
        )
    return Selection(tuple(layers), reused, frozen)


def phases(plan: Plan, selection: Selection, student: Sequence[LayerInfo]) -> Iterator[Phase]:
    """Yield a plan's phases in order; `auto` yields one more each time it is asked, down to the input.

    Args:
        plan: the choices.
        selection: what the plan selects of the source.
        student: the layers of the model that trains.
    """
    trainable = weighted(student)
    frozen = tuple(scope for scope in selection.frozen if scope in {layer.name for layer in student})
    for number, fixed in enumerate(_frozen_sets(plan.unfreeze, frozen, trainable), start=1):
        lr = plan.training.lr * (1.0 if number == 1 else plan.training.unfreeze_lr)
        yield Phase(number, fixed, tuple(scope for scope in trainable if scope not in fixed), lr)


def _frozen_sets(
    unfreeze: tuple[str, ...], frozen: tuple[str, ...], trainable: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    yield frozen
    if unfreeze == AUTO:
        for scope in reversed([scope for scope in frozen if scope in trainable]):
            frozen = frozen[: frozen.index(scope)]
            yield frozen
        return
    for pattern in unfreeze:
        freed = select(pattern, trainable)
        frozen = tuple(scope for scope in frozen if scope not in freed)
        yield frozen


def _one_of(option: str, value: str | None, known: tuple[str, ...]) -> None:
    _check(value is None or value in known, f"{option} takes {', '.join(known)}; got {value!r}")


def _check(ok: bool, message: str) -> None:
    if not ok:
        raise ZooError(message)
