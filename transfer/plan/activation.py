"""An activation and its numbers, as a value that is written `leaky_relu(0.1)`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from registry.errors import ChoiceError, near

# What each takes, with its default. Leaky ReLU's is Keras's own; the range of the randomised one is that of
# Xu et al. 2015 (the slope is 1/a, a from 3 to 8); PReLU's slope begins as in He et al. 2015, and is then trained.
KNOWN: dict[str, dict[str, float]] = {
    "relu": {}, "leaky_relu": {"alpha": 0.2}, "rrelu": {"low": 1 / 8, "high": 1 / 3}, "prelu": {"alpha": 0.25},
    "elu": {"alpha": 1.0}, "selu": {}, "gelu": {}, "swish": {}, "tanh": {}, "sigmoid": {},
}  # fmt: skip
WRITTEN = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\)\s*)?")


@dataclass(frozen=True)
class Activation:
    """An activation with its numbers.

    Attributes:
        name: one of `KNOWN`.
        numbers: as many as it takes, in the order of `KNOWN`.
    """

    name: str
    numbers: tuple[float, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether a name alone says it to Keras: no weights, no random draws, no number but the default."""
        return self.name not in ("rrelu", "prelu") and self.numbers == tuple(KNOWN[self.name].values())

    def __str__(self) -> str:
        if self.numbers == tuple(KNOWN[self.name].values()):
            return self.name
        return f"{self.name}({','.join(f'{number:g}' for number in self.numbers)})"


def parse_activation(text: str) -> Activation:
    """Read what a user wrote: a name, with numbers in brackets where they are not the defaults.

    >>> parse_activation("leaky_relu(0.1)")
    Activation(name='leaky_relu', numbers=(0.1,))
    >>> str(parse_activation("elu(1.0)"))
    'elu'

    Raises:
        ChoiceError: there is no such activation, or it does not take these numbers.
    """
    match = WRITTEN.fullmatch(text)
    if match is None or match[1] not in KNOWN:
        raise ChoiceError(f"--activation takes {', '.join(map(_form, KNOWN))}; got {text!r}", near(text, KNOWN))
    name, defaults = match[1], tuple(KNOWN[match[1]].values())
    if match[2] is None:
        return Activation(name, defaults)
    numbers = _numbers(match[2])
    if len(numbers) != len(defaults):
        raise ChoiceError(f"the activation is written {_form(name)}; got {text!r}")
    _check(name, numbers, text)
    return Activation(name, numbers)


def _form(name: str) -> str:
    """Show how an activation is written.

    >>> _form("rrelu"), _form("tanh")
    ('rrelu(low,high)', 'tanh')
    """
    return f"{name}({','.join(KNOWN[name])})" if KNOWN[name] else name


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        return ()


def _check(name: str, numbers: tuple[float, ...], text: str) -> None:
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise ChoiceError(f"the numbers of an activation are 0 or above; got {text!r}")
    if name == "rrelu" and numbers[0] > numbers[1]:
        raise ChoiceError(f"rrelu draws slopes from low to high; got {text!r}", "rrelu(0.125,0.333)")
