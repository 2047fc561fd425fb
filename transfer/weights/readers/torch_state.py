"""Which part of a checkpoint is the weights: it may be wrapped, and hold the optimiser's state beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from transfer.files.shown import shown
from transfer.weights.readers.stored import Stored
from transfer.weights.readers.torch_zip import Opened
from transfer.weights.readers.tree_names import Names

WRAPPERS = (
    "state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params", "state", "ema",
    "model_ema", "state_dict_ema", "params_ema",
)  # fmt: skip
OTHERS = re.compile(r".*(optim|sched|scaler|rng_state|callback|loop).*", re.IGNORECASE)
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel, and of torch.compile
MOST_NAMED = 5  # of what is left out
DEEPEST = 4  # wrappers around wrappers

Weights = dict[str, Stored]


def chosen(opened: Opened, path: Path) -> tuple[Weights, tuple[str, ...]]:
    """Return the weights of a file by name, and what is to be said of the choice.

    Raises:
        ZooError: there are no tensors, or their names are unusable.
    """
    names = Names(opened.leaf, ".", str(path))
    tree, notes = opened.tree, []
    for _ in range(DEEPEST):
        key, left_out = _step(tree, names)
        notes += left_out
        if key is None:
            break
        tree = tree[key]
        notes.append(f"the weights are those under {shown(key)!r}")
    tree = {key: child for key, child in tree.items() if not _is_other(key)} if isinstance(tree, dict) else tree
    weights, more = _bare(names.flat(tree))
    if opened.scripted:
        more.append("of the TorchScript archive only the weights are taken; its code is not read")
    if not weights:
        raise ZooError(
            f"{path} holds no tensors; expected a state dict",
            "write one with torch.save(model.state_dict(), 'weights.pth')",
        )
    return weights, (*notes, *more)


def _step(tree: Any, names: Names) -> tuple[Any, list[str]]:
    """Return the key of a wrapped state dict, or None where this is it, and what is left out beside it."""
    if not isinstance(tree, dict):
        return None, []
    counts = {key: len(names.flat(child)) for key, child in tree.items() if isinstance(child, dict)}
    held = {key: count for key, count in counts.items() if count}
    others = {key: held.pop(key) for key in list(held) if _is_other(key)}
    key = _wrapped(tree, held, names)
    if key is not None:
        others |= {other: count for other, count in held.items() if other != key}
    left_out = ", ".join(f"{str(other)!r} ({count} tensors)" for other, count in list(others.items())[:MOST_NAMED])
    more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    return key, [f"left out: {shown(left_out, 400)}{more}"] if others else []


def _wrapped(tree: Mapping[Any, Any], held: Mapping[Any, int], names: Names) -> Any:
    """Return the key that holds the weights: the largest under a usual name, or the only state dict there is."""
    beside = names.flat({key: child for key, child in tree.items() if key not in held and not _is_other(key)})
    if not held or any(stored.shape for stored in beside.values()):  # a number alone may be the best accuracy
        return None  # there are tensors beside it: this is the state dict
    usual = [key for key in WRAPPERS if key in held]
    if usual:
        return max(usual, key=lambda key: held[key])
    only = next(iter(held))
    return only if len(held) == 1 and any("." in str(name) for name in tree[only]) else None


def _is_other(key: Any) -> bool:
    return isinstance(key, str) and "." not in key and OTHERS.fullmatch(key) is not None


def _bare(weights: Weights) -> tuple[Weights, list[str]]:
    """Take off the prefixes that wrappers of modules put before every name."""
    notes = []
    for prefix in PREFIXES:
        if weights and all(name.startswith(prefix) and name != prefix for name in weights):
            weights = {name.removeprefix(prefix): stored for name, stored in weights.items()}
            notes.append(f"the prefix {prefix!r} of every name is left out")
    return weights, notes
