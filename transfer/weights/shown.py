"""A name or number out of a file as text for an error: one line, and not too long."""

from __future__ import annotations


def shown(value: object, most: int = 60) -> str:
    r"""Return a value as text of at most `most` characters, without line breaks and control characters.

    >>> shown((2, 3))
    '[2, 3]'
    >>> shown("conv\n1")
    'conv?1'
    >>> shown("x" * 100, 5)
    'xx...'
    """
    text = str(list(value)) if isinstance(value, tuple) else str(value)
    text = "".join(letter if letter.isprintable() else "?" for letter in text[: most + 1])
    return text if len(text) <= most else f"{text[: most - 3]}..."
