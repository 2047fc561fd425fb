"""How a catalogued model is run over many samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.model import Model
from registry.shelf import Shelf
from transfer.engines.table import NAMES
from transfer.plan.checks import one_of

if TYPE_CHECKING:
    from transfer.engines.running import Running


def check_backend(name: str) -> None:
    """Raise `ChoiceError` where there is no such backend; before anything is loaded."""
    one_of("--backend", name, NAMES)


def running(shelf: Shelf, model: Model, backend: str) -> Running:
    """Return what runs it; what was chosen for it is kept beside the choices of the feature cache.

    Args:
        shelf: whose home keeps them.
        model: its revision names it.
        backend: a name of `transfer.engines.table`, or `auto`.
    """
    from transfer.engines.remembered import FOLDER
    from transfer.engines.running import Running

    return Running(backend, shelf.home.cache / FOLDER, model.revision)
