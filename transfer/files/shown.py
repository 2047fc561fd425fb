"""A name or number out of a file, or another library's error about it, as text for ours: one line, not too long."""

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


def first_line(error: BaseException, most: int = 300) -> str:
    r"""Return the first line of what an error says; of one that says nothing, what it is.

    >>> first_line(ValueError("no such axis\nat node 3")), first_line(KeyError())
    ('no such axis', 'KeyError')
    """
    lines = str(getattr(error, "message", "") or error).strip().splitlines()
    return lines[0][:most] if lines else type(error).__name__


def last_line(error: BaseException) -> str:
    r"""Return the last line of what an error says, which is another process's own error where it quotes a traceback.

    >>> last_line(RuntimeError("Traceback:\n  File x\nKeyError: 3\n")), last_line(KeyError())
    ('KeyError: 3', 'KeyError')
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
