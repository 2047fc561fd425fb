"""Which names of a TensorFlow checkpoint are weights, and what they are called without TensorFlow's marks.

TensorFlow 2 names a variable by its path in the graph of objects, `layer/kernel/.ATTRIBUTES/VARIABLE_VALUE`, with `/`
and `.` of an attribute's own name as `.S` and `..` (tensorflow/python/checkpoint/trackable_view.py). Optimisers of
TensorFlow 1 keep their slots beside the variable, `conv/weights/Adam`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
SLOT = "/.OPTIMIZER_SLOT/"
SLOTS = {
    *("Adam", "Adam_1", "Momentum", "RMSProp", "RMSProp_1", "RMSProp_2", "Adagrad", "Adadelta", "Adadelta_1"),
    *("Ftrl", "Ftrl_1", "AdaMax", "AdaMax_1", "LARSOptimizer", "ExponentialMovingAverage"),
}
COUNTERS = {"save_counter", "global_step", "beta1_power", "beta2_power"}
COUNTER = re.compile(rf"({'|'.join(sorted(COUNTERS))})(_\d+)?")
OTHERS = {"optimizer", "keras_api", "_CHECKPOINTABLE_OBJECT_GRAPH"}  # as the first part of a path of TensorFlow 2


def weights(names: Iterable[str]) -> tuple[dict[str, str], int]:
    """Return the names in the checkpoint by what the weights are called, and how many others are left out.

    >>> weights(["a/kernel/.ATTRIBUTES/VARIABLE_VALUE", "save_counter/.ATTRIBUTES/VARIABLE_VALUE"])
    ({'a/kernel': 'a/kernel/.ATTRIBUTES/VARIABLE_VALUE'}, 1)
    >>> weights(["conv/weights", "conv/weights/Adam", "beta1_power", "train/beta1_power_1"])
    ({'conv/weights': 'conv/weights'}, 3)
    """
    all_names = list(names)
    kept = [name for name in all_names if not is_state(name, frozenset(all_names))]
    found: dict[str, str] = {}
    for name in kept:
        found.setdefault(clean(name) if clean(name) not in found else name, name)
    return found, len(all_names) - len(kept)


def is_state(name: str, names: Collection[str]) -> bool:
    """Tell whether a name is the state of an optimiser or a counter of steps, not a weight."""
    if name.endswith(VALUE) or SLOT in name:
        return SLOT in name or name.partition("/")[0] in OTHERS | COUNTERS
    parent, _, last = name.rpartition("/")
    # An optimiser may have been made in a scope: `train/beta1_power`; a second one counts on: `beta1_power_1`.
    return name in OTHERS or COUNTER.fullmatch(last) is not None or (last in SLOTS and parent in names)


def clean(name: str) -> str:
    """Return a variable's name without the marks of TensorFlow 2.

    >>> clean("block.Sconv/kernel/.ATTRIBUTES/VARIABLE_VALUE")
    'block/conv/kernel'
    >>> clean("conv1/weights")
    'conv1/weights'
    """
    if not name.endswith(VALUE):
        return name
    return name.removesuffix(VALUE).replace("..", "\0").replace(".S", "/").replace("\0", ".")
