"""From options to a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypedDict

from registry.card import Card
from registry.errors import ChoiceError, near
from transfer.data.reading import Reading
from transfer.plan.combining import check_frozen, check_recorded
from transfer.plan.hyperparameters import Training
from transfer.plan.imaging import Imaging
from transfer.plan.plan import AUTO, Plan
from transfer.plan.style import Style
from transfer.plan.top import Top
from zoo.opening import DataRef, HubRef
from zoo.recipes import recipe

PLAN_OWN = ("cached", "compare_scratch", "backend", "cache_dtype")


class DataOptions(TypedDict, total=False):
    """How data are read and given to a model, by the names of the commands' options; see `Reading`, `Imaging`."""

    target: str | None
    target_type: str | None
    image_column: str | None
    group_column: str | None
    ignore_columns: str | None
    classes: str | None
    limit_per_class: int | None
    split: tuple[int, int, int] | None
    skip_broken: bool
    paranoid: bool
    size: tuple[int, int] | None
    resize: str | None
    preprocess: str


class Options(DataOptions, total=False):
    """Choices of a transfer by name; see `Top`, `Training`, `Imaging`, and of a plan's own the last four."""

    top: Sequence[int] | None
    activation: str | None
    init: str | None
    batch_norm: bool
    batch_norm_before: bool
    bn_momentum: float
    dropout: float
    alpha_dropout: bool
    l1: float
    l2: float
    max_norm: float | None
    drop: str | None
    layers: tuple[Style, ...]
    epochs: int
    patience: int
    batch_size: int
    lr: float
    unfreeze_lr: float
    clip_norm: float | None
    clip_each_norm: float | None
    clip_value: float | None
    clip_quantile: float | None
    optimizer: str
    momentum: float | None
    weight_decay: float | None
    schedule: str
    warmup: float
    lr_end: float | None
    label_smoothing: float
    class_weights: str | None
    lr_mult: float | None
    layer_decay: float | None
    diagnose: bool
    augment: str
    views: int | None
    recipe: str | None
    cached: bool
    compare_scratch: bool
    backend: str
    cache_dtype: str


def data_options(options: Mapping[str, Any]) -> tuple[Reading, Imaging]:
    """Sort options into how data are read and how images are given to a model.

    Raises:
        ChoiceError: an option is unknown or out of range.
    """
    rest = dict(options)
    reading, imaging = _taken(rest, Reading), _taken(rest, Imaging)
    _check_all(rest, "data have")
    return Reading(**reading), Imaging(**imaging)


def read_before(card: Card, where: DataRef) -> dict[str, Any]:
    """Return the options that the data of a model's own run were read with, but for what a reader does of itself.

    What is no table has no column that names images: that one is left out for it. So are columns that the run left
    out and these data have not.
    """
    made = card.lineage.plan.get("reading", {}) if card.lineage else {}
    known = {field.name for field in fields(Reading)} - {"paranoid", "skip_broken", "seed"}
    known -= set() if _may_name_images(where) else {"image_column"}
    found = {name: value for name, value in made.items() if name in known and value is not None}
    if "ignore_columns" in found:
        found["ignore_columns"] = _still_there(found["ignore_columns"], where)
    found |= {"target_type": card.target} if card.target else {}
    return found | ({"split": tuple(found["split"])} if "split" in found else {})


def _may_name_images(where: DataRef) -> bool:
    from transfer.data.tables.parts import claims

    return isinstance(where, HubRef) or (where.path.is_file() and claims(where.path))


def _still_there(columns: str, where: DataRef) -> str | None:
    """Return those of the columns that a run left out which these data have; of a hub's data set all."""
    from transfer.data.tables.parts import claims, files
    from transfer.data.tables.read import column_names

    if isinstance(where, HubRef):
        return columns
    if not where.path.exists() or not claims(where.path):
        return None
    held = column_names(next(iter(files(where.path).values())))
    return ",".join(name for name in Reading(ignore_columns=columns).ignored if name in held) or None


def make_plan(
    model: str,
    data: str,
    reuse: str,
    freeze: str | None,
    unfreeze: str | Sequence[str] | None,
    seed: int,
    options: dict[str, Any],
) -> Plan:
    """Sort options into a plan; what a recipe says counts where the options say nothing.

    Raises:
        ChoiceError: an option is unknown or out of range, or contradicts another.
    """
    name = options.pop("recipe", None)
    base = recipe(name) if name else None
    if unfreeze:
        check_frozen(freeze or (base.freeze if base else None), phases_of(unfreeze), None if freeze else name)
    if base:
        freeze, unfreeze = freeze or base.freeze, unfreeze or base.unfreeze
        options = base.beside(options)
    units = options.pop("top", None)
    top = {"units": None if units is None else tuple(units)} | _taken(options, Top)
    training = _taken(options, Training)
    reading, imaging = _taken(options, Reading), _taken(options, Imaging)
    rest: dict[str, Any] = {name: options.pop(name) for name in PLAN_OWN if name in options}
    _check_all(options, "transfer has")
    parts = (Top(**top), Training(**training), Reading(**reading), Imaging(**imaging))
    plan = Plan(model, data, reuse, freeze, phases_of(unfreeze or "auto"), *parts, seed=seed, **rest)
    check_recorded(plan.imaging, plan.cached)
    return plan


def phases_of(unfreeze: str | Sequence[str]) -> tuple[str, ...]:
    """Turn what a user wrote into the plan's form: `auto`, `gradual`, `none`, or one regex a phase."""
    chosen = (unfreeze,) if isinstance(unfreeze, str) else tuple(unfreeze)
    if chosen == ("none",):
        return ()
    if len(chosen) > 1 and {"auto", "gradual", "none"}.intersection(chosen):
        raise ChoiceError(
            "--unfreeze takes auto, gradual or none alone, or one regex a phase",
            "--unfreeze hidden3 --unfreeze hidden2",
        )
    return chosen or AUTO


def _check_all(rest: Mapping[str, Any], who: str) -> None:
    for name in rest:
        raise ChoiceError(f"{who} no option {name!r}", near(name, Options.__annotations__))


def _taken(options: dict[str, Any], kind: type[Any]) -> dict[str, Any]:
    return {field.name: options.pop(field.name) for field in fields(kind) if field.name in options}
