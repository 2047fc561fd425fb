"""What an error of Keras says, as a line of our own errors."""

from __future__ import annotations


def reason(error: Exception) -> str:
    """Return an error's kind and first line; of one that holds another, that one's.

    >>> reason(ValueError("Dense.call()\\nException encountered: no such axis"))
    'ValueError: no such axis'
    """
    lines = str(error).rsplit("Exception encountered: ", 1)[-1].strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"
