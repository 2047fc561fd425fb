"""From options to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypedDict

from registry.errors import ZooError, near
from transfer.plan import AUTO, Plan, Top, Training


class Options(TypedDict, total=False):
    """Choices for the new top and its training, by the names of the command's options; see `Top`, `Training`."""

    top: Sequence[int] | None
    activation: str | None
    init: str | None
    batch_norm: bool
    dropout: float
    epochs: int
    patience: int
    batch_size: int
    lr: float
    unfreeze_lr: float
    clip_norm: float | None
    cached: bool
    compare_scratch: bool


def make_plan(
    model: str,
    data: str,
    reuse: str,
    freeze: str | None,
    unfreeze: str | Sequence[str],
    seed: int,
    options: dict[str, Any],
) -> Plan:
    """Sort options into a plan.

    Raises:
        ZooError: an option is unknown or out of range.
    """
    units = options.pop("top", None)
    top = {"units": None if units is None else tuple(units)} | _taken(options, Top)
    training = _taken(options, Training)
    rest = {name: options.pop(name) for name in ("cached", "compare_scratch") if name in options}
    if options:
        name = next(iter(options))
        raise ZooError(f"transfer has no option {name!r}", near(name, Options.__annotations__))
    return Plan(model, data, reuse, freeze, phases_of(unfreeze), Top(**top), Training(**training), seed=seed, **rest)


def phases_of(unfreeze: str | Sequence[str]) -> tuple[str, ...]:
    """Turn what a user wrote into the plan's form: `auto`, `none`, or one regex a phase."""
    chosen = (unfreeze,) if isinstance(unfreeze, str) else tuple(unfreeze)
    if chosen == ("none",):
        return ()
    if len(chosen) > 1 and {"auto", "none"}.intersection(chosen):
        raise ZooError(
            "--unfreeze takes auto or none alone, or one regex a phase",
            "--unfreeze hidden3 --unfreeze hidden2",
        )
    return chosen or AUTO


def _taken(options: dict[str, Any], kind: type[Any]) -> dict[str, Any]:
    return {field.name: options.pop(field.name) for field in fields(kind) if field.name in options}
