"""Procedures from the literature, as the choices that they come to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from transfer.plan.checks import one_of

INSTEAD = {"layer_decay": "lr_mult", "lr_mult": "layer_decay"}


@dataclass(frozen=True)
class Recipe:
    """A procedure.

    Attributes:
        about: whose it is, and what it does.
        unfreeze: the phases after the first, as `--unfreeze` takes them.
        freeze: the reused layers that stay fixed at first; None for all of them.
        options: other choices, by the names of `zoo.plans.Options`.
    """

    about: str
    unfreeze: str
    freeze: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def beside(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that are given, and its own where they say nothing: of two ways to say one thing, one."""
        own = {name: value for name, value in self.options.items() if INSTEAD.get(name) not in given}
        return {**own, **given}


RECIPES = {
    "textbook": Recipe(
        "freeze all, unfreeze from the top down while it helps, then drop the topmost layer and begin again "
        "(Géron 2017, chapter 11)",
        "auto",
    ),
    "lp-ft": Recipe(
        "train the new layers alone, then everything at a tenth of the rate (Kumar et al. 2022)",
        ".*",
        options={"unfreeze_lr": 0.1},
    ),
    "ulmfit": Recipe(
        "unfreeze layer by layer whatever it gains, each layer at 1/2.6 of the rate of the one above, the rate rising "
        "and falling (Howard and Ruder 2018)",
        "gradual",
        options={"layer_decay": 1 / 2.6, "schedule": "1cycle", "unfreeze_lr": 1.0, "epochs": 30, "patience": 30},
    ),
    "full": Recipe("everything trains from the start", "none", freeze="none"),
}


def recipe(name: str) -> Recipe:
    """Return a recipe by its name.

    Raises:
        ChoiceError: there is none such.
    """
    one_of("--recipe", name, tuple(RECIPES))
    return RECIPES[name]
