"""From exceptions to what a user sees: a sentence, a hint, an exit code; never a traceback unless asked for."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from registry.errors import ChoiceError, ZooError

FAILED, USAGE = 1, 2
DEBUG = "ZOO_DEBUG"


@dataclass(frozen=True)
class Problem:
    """An error as it is shown; under `--json` as `{"error": {"type", "message", "hint"}}`."""

    type: str
    message: str
    hint: str
    code: int = FAILED


def problem_of(error: BaseException) -> Problem:
    """Put any exception into words."""
    kind = type(error).__name__
    if isinstance(error, ChoiceError):
        return Problem("Usage", error.message, error.hint, USAGE)
    if isinstance(error, ZooError):
        return Problem(kind, error.message, error.hint)
    if isinstance(error, KeyboardInterrupt):
        return Problem("Interrupted", "interrupted", "zoo runs shows what was under way")
    if isinstance(error, MemoryError) or kind == "ResourceExhaustedError":  # TensorFlow's word for it
        return Problem(kind, "there is not enough memory", "try a smaller --batch-size or fewer samples")
    if isinstance(error, OSError) and error.errno in HINTS:
        where = f": {error.filename}" if error.filename else ""
        return Problem(kind, f"{error.strerror}{where}", HINTS[error.errno])
    return Problem(kind, f"unexpected {kind}: {error}", f"{DEBUG}=1 shows where; please report it")


HINTS = {
    errno.ENOSPC: "free some space, or set ZOO_HOME to a folder on another disk",
    errno.EACCES: "set ZOO_HOME to a folder that you can write to",
    errno.EROFS: "set ZOO_HOME to a folder that you can write to",
    errno.ENOENT: "check the path",
    errno.EISDIR: "name a file, not a folder",
}


def debugging() -> bool:
    """Tell whether the user asked for tracebacks."""
    return os.environ.get(DEBUG, "") not in ("", "0")
