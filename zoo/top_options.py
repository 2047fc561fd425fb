"""The options that say which new layers stand above the reused ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from transfer.plan.style import Style
from zoo.option_groups import Given, Group, as_given

PLAIN = Style()

KINDS: dict[str, Any] = {
    "top": Annotated[
        str | None,
        typer.Option(
            metavar="100,50|FILE", help="New hidden layers instead of the model's own; a .toml or .json says each."
        ),
    ],
    "drop": Annotated[
        str | None, typer.Option(metavar="REGEX", help="Upper layers to leave out, with all that is above them.")
    ],
    "activation": Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of new hidden layers: elu, relu, leaky_relu(0.1), rrelu, prelu …"),
    ],
    "init": Annotated[
        str | None, typer.Option(metavar="NAME", help="Of new kernels: he_normal, xavier_uniform, orthogonal …")
    ],
    "batch_norm": Annotated[bool, typer.Option("--batch-norm", help="Normalise after new hidden layers.")],
    "batch_norm_before": Annotated[
        bool, typer.Option("--batch-norm-before", help="Normalise before their activation instead.")
    ],
    "bn_momentum": Annotated[
        float | None, typer.Option(help=f"What moving statistics keep in each step ({PLAIN.bn_momentum}).")
    ],
    "dropout": Annotated[
        float | None,
        typer.Option(
            help=f"Share of units dropped before new layers ({PLAIN.dropout}), whatever the source has there."
        ),
    ],
    "alpha_dropout": Annotated[bool, typer.Option("--alpha-dropout", help="Drop as suits SELU.")],
    "l1": Annotated[float | None, typer.Option(help="Penalty on new kernels' absolute values.")],
    "l2": Annotated[float | None, typer.Option(help="Penalty on new kernels' squares.")],
    "max_norm": Annotated[float | None, typer.Option(help="Largest norm of the weights that lead to a new unit.")],
}


def _read(options: Mapping[str, Any]) -> Given:
    found = as_given(options)
    if "top" not in found:
        return found
    from zoo.top_text import read_top

    return read_top(found.pop("top"), found)


TOP = Group("The new layers", KINDS, _read)
