"""Which layers a plan reuses and freezes, and where it cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.graph import closed, cut, sources, weighted
from transfer.scope import compiled, matches, select

NOTHING = "none"  # to be frozen


@dataclass(frozen=True)
class Selection:
    """Which layers a plan reuses and freezes, and where it cuts.

    Attributes:
        layers: all layers of the model, from the input upwards.
        reused: scopes whose weights are kept.
        frozen: those of them that the first phase does not train.
    """

    layers: tuple[LayerInfo, ...]
    reused: tuple[str, ...]
    frozen: tuple[str, ...]

    @property
    def cut(self) -> tuple[str, ...]:
        """The layers at the edge of the first phase's frozen part."""
        return cut(self.layers, closed(self.layers, self.frozen))

    @property
    def below(self) -> frozenset[str]:
        """The reused layers and all that feeds them; the rest is the top."""
        feeding = sources(self.layers)
        return frozenset().union(*(feeding[name] for name in self.reused))


def choose(layers: Sequence[LayerInfo], reuse: str, freeze: str | None = None) -> Selection:
    """Select the layers that a plan reuses and freezes.

    Raises:
        ZooError: a regex is invalid, selects nothing, or leaves nothing to train.
    """
    scopes = [layer.name for layer in layers]
    reused = named("--reuse", reuse, scopes)
    has_weights = set(weighted(layers))
    if not has_weights.intersection(reused):
        raise ZooError(f"--reuse: the regex {reuse!r} selects only layers without weights: {', '.join(reused)}")
    frozen = reused if freeze is None else () if freeze == NOTHING else _frozen(freeze, scopes, reused)
    if has_weights.issubset(frozen):
        raise ZooError(
            f"the regex {freeze or reuse!r} selects every layer: nothing is left to train",
            f"leave out the last layer, {weighted(layers)[-1]}, or name in --freeze what stays fixed",
        )
    return Selection(tuple(layers), reused, frozen)


def named(option: str, pattern: str, scopes: Sequence[str]) -> tuple[str, ...]:
    """Return what a regex selects, as `transfer.scope.select`; an error says which option it stands in."""
    try:
        return select(pattern, scopes)
    except ZooError as error:
        raise ZooError(f"{option}: {error.message}", error.hint) from error


def unfrozen(freeze: str | None, selection: Selection) -> tuple[str, ...]:
    """Say what `freeze` names beside the reused layers: it is made anew, and trains."""
    if freeze is None or freeze == NOTHING:
        return ()
    regex, held = compiled(freeze), weighted(selection.layers)
    also = [scope for scope in held if matches(regex, scope) and scope not in selection.reused]
    if not also or all(matches(regex, scope) for scope in held):
        return ()
    which = "which is not reused: it is" if len(also) == 1 else "which are not reused: they are"
    return (f"--freeze {freeze!r} also names {', '.join(also)}, {which} made anew, and trained",)


def _frozen(freeze: str, scopes: Sequence[str], reused: Sequence[str]) -> tuple[str, ...]:
    regex = compiled(freeze)
    new = [scope for scope in scopes if scope not in reused and matches(regex, scope)]
    if new and not any(matches(regex, scope) for scope in reused):
        raise ZooError(
            f"--freeze {freeze!r} names {', '.join(new)}, of what is not reused: it is made anew, and trains from the "
            "start",
            f"name it in --reuse too, or freeze some of {', '.join(reused)}",
        )
    return named("--freeze", freeze, reused)
