"""Where a run's event files for TensorBoard go, noted in its folder, so that it goes on there when it is resumed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from registry.errors import ZooError
from transfer.runs import RunFolder

BOARD = "tensorboard.json"


@dataclass(frozen=True)
class Board:
    """What a run's `tensorboard.json` holds: the folder that its event files lie below, absolute."""

    folder: str


def note_board(run: RunFolder, folder: Path) -> None:
    """Let a run write its event files below a folder, now and when it is resumed."""
    run.write(BOARD, Board(str(folder.resolve())))


def board_of(run: RunFolder) -> Path | None:
    """Return the folder that a run's event files lie below; None where it writes none.

    Raises:
        ZooError: the note cannot be read.
    """
    path = run.path / BOARD
    try:
        return Path(msgspec.json.decode(path.read_bytes(), type=Board).folder)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ZooError(f"{path} cannot be read: {error}", "remove it, and no more event files are written") from error
