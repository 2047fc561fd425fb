"""What the names of arrays say: which module they belong to, and what they are in it. Pure.

`features.0.conv.weight`, `conv1/kernel:0`, `bn_moving_mean`, `lstm.weight_ih_l0_reverse`, `fire2/squeeze1x1/0`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

KERNELS = frozenset({"kernel", "depthwise_kernel", "pointwise_kernel"})
ROLES: dict[str, frozenset[str]] = {
    "weight": KERNELS | {"gamma", "embeddings", "alpha"},
    **dict.fromkeys(("weights", "w", "kernel", "filters"), KERNELS),
    **dict.fromkeys(("bias", "biases", "b"), frozenset({"bias", "beta"})),
    **dict.fromkeys(("gamma", "scale"), frozenset({"gamma"})),
    **dict.fromkeys(("beta", "offset"), frozenset({"beta"})),
    **dict.fromkeys(("running_mean", "moving_mean", "mean"), frozenset({"moving_mean", "mean"})),
    **dict.fromkeys(
        ("running_var", "moving_variance", "moving_var", "variance", "var"), frozenset({"moving_variance", "variance"})
    ),
    **dict.fromkeys(("embedding", "embeddings"), frozenset({"embeddings"})),
    **dict.fromkeys(("alpha", "alphas"), frozenset({"alpha"})),
    **dict.fromkeys(("recurrent_kernel",), frozenset({"recurrent_kernel"})),
    **dict.fromkeys(("depthwise_kernel", "depthwise_weights"), frozenset({"depthwise_kernel", "kernel"})),
    **dict.fromkeys(("pointwise_kernel", "pointwise_weights"), frozenset({"pointwise_kernel"})),
}
COUNTERS = ("num_batches_tracked",)  # PyTorch counts batches for an average that Keras does not have
RECURRENT = re.compile(r"(weight|bias)_(ih|hh)(?:_l(\d+))?(_reverse)?")
RECURRENT_ROLES = {("weight", "ih"): "kernel", ("weight", "hh"): "recurrent_kernel"}


@dataclass(frozen=True)
class Said:
    """What a name says.

    Attributes:
        module: the path of the module, its parts joined by `/`.
        roles: what the array may be there, by Keras's names; empty where the name does not say.
        place: its number in the module, where the name ends in one; else -1.
        reverse: whether it belongs to the backward half of a bidirectional layer.
    """

    module: str
    roles: frozenset[str]
    place: int = -1
    reverse: bool = False


@dataclass(frozen=True)
class Item:
    """One array of a module, or the two biases that make one."""

    names: tuple[str, ...]
    roles: frozenset[str]
    place: int


@dataclass(frozen=True)
class Group:
    """A module of the file: its path, and its arrays in the file's order."""

    path: str
    items: tuple[Item, ...]
    reverse: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all its arrays."""
        return tuple(name for item in self.items for name in item.names)


def plain(name: str) -> str:
    """Return a name with `/` between its parts and without TensorFlow's `:0`.

    >>> plain("block1.conv>kernel:0")
    'block1/conv/kernel'
    """
    return name.removesuffix(":0").replace(".", "/").replace(">", "/")


def said(name: str) -> Said:
    """Read a name.

    >>> said("bn1.running_mean").module, sorted(said("bn1.running_mean").roles)
    ('bn1', ['mean', 'moving_mean'])
    >>> said("conv1_w").module, said("fire2/squeeze1x1/1").place
    ('conv1', 1)
    """
    *path, last = plain(name).split("/")
    module = "/".join(part for part in path if part)
    gates = RECURRENT.fullmatch(last)
    if gates:
        within = f"l{gates[3] or 0}{gates[4] or ''}"
        role = RECURRENT_ROLES.get((gates[1], gates[2]), "bias")
        return Said(f"{module}/{within}".strip("/"), frozenset({role}), reverse=bool(gates[4]))
    if last.isdecimal():
        return Said(module, frozenset(), int(last[:9]))
    if last.lower() in ROLES:
        return Said(module, ROLES[last.lower()])
    return _by_ending(module, last)


def _by_ending(module: str, last: str) -> Said:
    """Read names without separators: `conv1_w`, `bn_moving_mean`, `W1`."""
    for role in sorted(ROLES, key=len, reverse=True):
        if last.lower().endswith(f"_{role}"):
            return Said(f"{module}/{last[: -len(role) - 1]}".strip("/"), ROLES[role])
    numbered = re.fullmatch(r"([A-Za-z]+)_?(\d+)", last)
    if numbered and numbered[1].lower() in ROLES:
        return Said(f"{module}/{numbered[2]}".strip("/"), ROLES[numbered[1].lower()])
    return Said(f"{module}/{last}".strip("/"), frozenset())


def is_counter(name: str) -> bool:
    """Tell whether an array is PyTorch's counter of batches, which no Keras layer has."""
    return name.endswith(COUNTERS)


def sources(names: Iterable[str]) -> tuple[Group, ...]:
    """Group names by module, in the order in which the modules begin; an `ih` and an `hh` bias become one item."""
    found: dict[str, list[Item]] = {}
    reverse: dict[str, bool] = {}
    for name in names:
        what = said(name)
        items = found.setdefault(what.module, [])
        reverse[what.module] = what.reverse
        if what.roles == {"bias"} and items and items[-1].roles == {"bias"}:
            items[-1] = Item(in_order((*items[-1].names, name)), what.roles, -1)
        else:
            items.append(Item((name,), what.roles, what.place))
    return tuple(Group(path, tuple(items), reverse[path]) for path, items in found.items())


def in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    """Put an input array (`bias_ih`) before the recurrent one (`bias_hh`); other names stay as they are.

    >>> in_order(("rnn.bias_hh_l0", "rnn.bias_ih_l0"))
    ('rnn.bias_ih_l0', 'rnn.bias_hh_l0')
    """
    return tuple(sorted(names, key=lambda name: "hh" in name.rpartition(".")[2]))
