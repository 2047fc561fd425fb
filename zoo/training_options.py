"""The options that say how a phase trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from transfer.cache_dtypes import CACHE_DTYPES
from transfer.engines.table import NAMES
from transfer.plan.hyperparameters import LR_END, MOMENTUM, OPTIMIZERS, SCHEDULES, WEIGHT_DECAY, Training
from zoo.option_groups import Given, Group, as_given

PLAIN = Training()

KINDS: dict[str, Any] = {
    "augment": Annotated[str | None, typer.Option(metavar="flip,crop,…", help="Change training images at random.")],
    "views": Annotated[
        int | None, typer.Option(metavar="N", help="Changed versions of an image that are cached below a cut.")
    ],
    "epochs": Annotated[int | None, typer.Option(help=f"At most so many a phase ({PLAIN.epochs}).")],
    "patience": Annotated[int | None, typer.Option(help=f"Epochs without a gain that end a phase ({PLAIN.patience}).")],
    "batch_size": Annotated[int | None, typer.Option(help=f"Samples a step ({PLAIN.batch_size}).")],
    "lr": Annotated[float | None, typer.Option(help=f"The learning rate in the first phase ({PLAIN.lr}).")],
    "unfreeze_lr": Annotated[
        float | None, typer.Option(help=f"The later phases' rate, as a factor ({PLAIN.unfreeze_lr}).")
    ],
    "lr_mult": Annotated[
        float | None, typer.Option(help="How many times the lowest reused layer's rate the new layers' is.")
    ],
    "layer_decay": Annotated[
        float | None, typer.Option(help="Each reused layer's rate, as a factor of the one above's.")
    ],
    "schedule": Annotated[
        str | None,
        typer.Option(metavar="|".join(SCHEDULES), help=f"The rate over the steps of a phase ({PLAIN.schedule})."),
    ],
    "warmup": Annotated[float | None, typer.Option(help="The share of the steps in which the rate rises.")],
    "lr_end": Annotated[
        float | None, typer.Option(help=f"The share of the rate that a schedule ends with ({LR_END}).")
    ],
    "optimizer": Annotated[
        str | None, typer.Option(metavar="|".join(OPTIMIZERS), help=f"What takes the steps ({PLAIN.optimizer}).")
    ],
    "momentum": Annotated[float | None, typer.Option(help=f"Of momentum and nesterov ({MOMENTUM}).")],
    "weight_decay": Annotated[float | None, typer.Option(help=f"Of adamw ({WEIGHT_DECAY}).")],
    "clip_norm": Annotated[float | None, typer.Option(help="The largest global norm of the gradients.")],
    "clip_each_norm": Annotated[float | None, typer.Option(help="The largest norm of each variable's gradient.")],
    "clip_value": Annotated[float | None, typer.Option(help="The largest number in a gradient.")],
    "clip_quantile": Annotated[
        float | None, typer.Option(help="The largest global norm, as a quantile of those seen: 0.9.")
    ],
    "label_smoothing": Annotated[float | None, typer.Option(help="The share of a label spread over all classes.")],
    "class_weights": Annotated[
        str | None, typer.Option(metavar="balanced", help="Weigh each class by its rarity in training.")
    ],
    "backend": Annotated[
        str | None, typer.Option(metavar="|".join(NAMES), help="What extracts features: the fastest on a first batch.")
    ],
    "cache_dtype": Annotated[
        str | None, typer.Option(metavar="|".join(CACHE_DTYPES), help="What cached features are stored as: float32.")
    ],
    "no_diagnose": Annotated[
        bool, typer.Option("--no-diagnose", help="Do not look for vanishing gradients, dead units and the like.")
    ],
}


def _read(values: Mapping[str, Any]) -> Given:
    given = as_given(values)
    return given | {"diagnose": False} if given.pop("no_diagnose", False) else given


TRAINING = Group("How it trains", KINDS, _read)
