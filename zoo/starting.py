"""TensorFlow's import: once, quietly, and without what it looks for and nothing here needs.

It makes half a million objects that stay. The garbage collector would go through them again and again while it is
going on, and once more at the end: a third of the whole.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

# TensorFlow and Keras import these where they are installed, for classes that no command uses; a third of the rest.
UNUSED = ("cv2", "pandas", "scipy", "sklearn")

_ours = False


def own_process() -> None:
    """Say that this process is one command's, and no one else's: what is good for the command may be done to it."""
    global _ours
    _ours = True


def start_tensorflow() -> None:
    """Import TensorFlow while its greetings, which no setting turns off, go nowhere."""
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with ExitStack() as during:
        nowhere = during.enter_context(Path(os.devnull).open("wb"))
        during.enter_context(_stderr_into(nowhere.fileno()))
        during.enter_context(_uncollected())
        during.enter_context(_absent(UNUSED if _ours else ()))
        import tensorflow  # noqa: F401
    import logging

    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def forget() -> None:
    """Leave all objects that there are to the end of the process, which then need not look for those among them."""
    if _ours:
        gc.freeze()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector away; in a process of ours also from what is there afterwards, for good."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        forget()
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _absent(names: tuple[str, ...]) -> Iterator[None]:
    """Let packages seem not to be installed; those that are imported already are left alone."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: Python raises ImportError
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name)


@contextmanager
def _stderr_into(target: int) -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(target, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
