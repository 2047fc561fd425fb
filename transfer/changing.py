"""What changes the training images of a plan, for the model and the data that it has."""

from __future__ import annotations

from collections.abc import Sequence

from registry.errors import ZooError
from transfer.augment import parse_augment
from transfer.augmenter import Augmenter
from transfer.backbone import Backbone
from transfer.data.target import Target
from transfer.inputs import ModelInput
from transfer.plan.combining import check_recorded
from transfer.plan.plan import Plan


def changes(plan: Plan, source: Backbone, takes: Sequence[ModelInput], target: Target) -> Augmenter | None:
    """Make what changes training images; None where nothing does.

    Args:
        plan: the choices.
        source: the model, with its preprocessing.
        takes: what the model that trains is given.
        target: what the labels are.

    Raises:
        ZooError: the model takes no images, or features are to be cached that change with each step.
    """
    if not plan.imaging.augment:
        return None
    check_recorded(plan.imaging, plan.cached)
    if len(takes) != 1:
        names = ", ".join(one.name for one in takes)
        raise ZooError(
            f"--augment changes images; the model has {len(takes)} inputs: {names}",
            "leave --augment out, or reuse layers that read one input",
        )
    classes = target.width if target.kind == "class" else 0
    augment = parse_augment(plan.imaging.augment)
    return Augmenter(augment, takes[0].shape, source.preprocessing, seed=plan.seed, classes=classes)
