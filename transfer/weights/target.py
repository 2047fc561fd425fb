"""What foreign arrays go into: a model's weights, each with what it means, and the layers that hold them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Shape = tuple[int, ...]


class Kind(Enum):
    """What a weight means, as far as its layout depends on it; the value is for people."""

    DENSE = "dense kernel"
    CONV = "conv kernel"
    TRANSPOSED = "transposed conv kernel"
    DEPTHWISE = "depthwise kernel"
    EMBEDDING = "embedding"
    VECTOR = "vector"  # biases, scales, statistics: one number a channel
    LSTM_KERNEL = "LSTM kernel"
    LSTM_RECURRENT = "LSTM recurrent kernel"
    LSTM_BIAS = "LSTM bias"
    GRU_KERNEL = "GRU kernel"
    GRU_RECURRENT = "GRU recurrent kernel"
    GRU_BIAS = "GRU bias"
    OLD_GRU = "weight of a GRU with reset_after=False"
    RNN_KERNEL = "RNN kernel"
    RNN_BIAS = "RNN bias"
    ATTENTION_IN = "attention projection"  # query, key or value
    ATTENTION_OUT = "attention output kernel"
    OTHER = "weight"


SUMMED = {Kind.LSTM_BIAS, Kind.GRU_BIAS, Kind.RNN_BIAS, Kind.OLD_GRU}  # these may be made from two arrays


@dataclass(frozen=True)
class Target:
    """A weight of the model.

    Attributes:
        name: `conv1/kernel`.
        shape: as Keras has it.
        kind: what it means.
        rows: of a weight with a number or row for each number of flattened maps, the maps' shapes (h, w, c), one
            after the other; (n,) for what never was a map. Empty where there are no maps.
        doubt: why its numbers may have another order in a framework with channels first; empty where they have not.
        part: 0, 1, 2 for an attention's query, key and value.
        kept: whether the model also works with what the weight holds already (a Normalization's statistics).
    """

    name: str
    shape: Shape
    kind: Kind
    rows: tuple[Shape, ...] = ()
    part: int = 0
    kept: bool = False
    doubt: str = ""

    @property
    def role(self) -> str:
        """The weight's name in its layer, `kernel`."""
        return self.name.rpartition("/")[2]

    @property
    def scope(self) -> str:
        """The path of the innermost layer that holds it."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True)
class Module:
    """A layer with weights.

    Attributes:
        scope: its path.
        targets: its weights, in Keras's order.
        after: the positions of the modules whose outputs reach it, in the list that this one is in.
        reverse: whether it runs backwards over a sequence.
    """

    scope: str
    targets: tuple[Target, ...]
    after: frozenset[int] = frozenset()
    reverse: bool = False
