"""Choices that a plan cannot have together, whatever the model and the data. Pure."""

from __future__ import annotations

from transfer.augment import parse_augment
from transfer.plan.checks import check
from transfer.plan.imaging import Imaging
from transfer.plan.selection import NOTHING

MIXED = (
    "--augment mixup mixes samples anew in each step, so it cannot be recorded in views",
    "leave mixup out, or run the frozen layers in every step: --no-cache",
)


def check_recorded(imaging: Imaging, cached: bool) -> None:
    """Refuse random changes that cannot be recorded below a cut, and views of what is not recorded.

    Raises:
        ChoiceError: `mixup` with cached features, or `views` without them.
    """
    if imaging.augment and cached:
        check(not parse_augment(imaging.augment).mixup, *MIXED)
    check(
        imaging.views is None or cached,
        f"--views {imaging.views} is about cached features, and --no-cache caches none",
        "leave --views out: changes are then drawn anew in each step",
    )


def check_frozen(freeze: str | None, unfreeze: tuple[str, ...], recipe: str | None) -> None:
    """Refuse to unfreeze where nothing is frozen.

    Args:
        freeze: the regex; None for all that is reused.
        unfreeze: what the user typed, as a plan has it.
        recipe: whose choice `freeze` is; None where the user's.

    Raises:
        ChoiceError: there is nothing to unfreeze.
    """
    why = f"--recipe {recipe}" if recipe else f"--freeze {NOTHING}"
    check(
        freeze != NOTHING or not unfreeze,
        f"{why} freezes nothing, so --unfreeze {' '.join(unfreeze)} has nothing to unfreeze",
        "leave one of them out, or say what is fixed at first: --freeze REGEX",
    )
