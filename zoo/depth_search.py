"""What `search-depth` does: from options to a search, and its results as a document."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from registry.errors import ZooError
from registry.shelf import Shelf
from zoo.output import figure, table

if TYPE_CHECKING:
    from registry.watch import Watch
    from transfer.depths.blocks import Block
    from transfer.depths.cuts import Cut
    from transfer.depths.race import Trained
    from transfer.depths.search import Depth, Found, Search
    from transfer.plan.plan import Plan

CUTS = ["cut", "frozen", "probe", "valid", "95 % interval", "epochs", "seconds"]
BLOCKS = ["trains", "parameters", "valid", "95 % interval", "epochs", "seconds"]


@dataclass(frozen=True)
class Searching:
    """A search that has everything it needs, and has not begun.

    Attributes:
        depth: the model and the data.
        cuts: the places to look at, the lowest first.
        train: how many of them are trained.
        seeds: how often each.
    """

    depth: Depth
    cuts: tuple[Cut, ...]
    train: int
    seeds: int

    def run(self) -> Search:
        """Probe all cuts and train the best few."""
        from zoo.cache_limit import within_limit

        with within_limit(Shelf().home):
            return self.depth.search(self.cuts, self.train, self.seeds)


def prepare(
    name: str,
    data: str | None,
    cuts: str | None,
    train: int | None,
    seeds: int,
    seed: int,
    watch: Watch,
    **options: Any,
) -> Searching:
    """Find the cuts by the model's card, then load the model and its data.

    Raises:
        ZooError: `cuts` selects no valid cut, or there is none; an option does not fit.
    """
    from transfer.depths.choice import to_train
    from transfer.depths.cuts import among
    from transfer.depths.cuts import cuts as all_cuts
    from zoo import transferring

    shelf = Shelf()
    card = shelf.find(name).card
    found = all_cuts(card.layers) if cuts is None else among(card.layers, cuts)
    if card.layers and not found:
        raise ZooError(
            f"{card.name} has no place to cut it at: nowhere is one tensor all that goes on",
            f"zoo transfer {name} --reuse REGEX cuts at several tensors",
        )
    reuse = found[-1].reuse if found else ".*"
    ready = transferring.prepare(name, data, reuse=reuse, unfreeze="none", seed=seed, compare_scratch=False, **options)
    from transfer.depths.search import Depth  # TensorFlow has been started by now, quietly
    from zoo.feature_cache import feature_cache

    cache = feature_cache(shelf.home, ready.plan.backend, ready.plan.cache_dtype)
    depth = Depth(ready.plan, ready.source, ready.data, cache, watch)
    return Searching(depth, found, to_train(len(found)) if train is None else train, seeds)


def next_command(plan: Plan, cut: Cut) -> str:
    """Return what to type to transfer at a cut: by the plan's other choices, unfrozen while it helps."""
    from transfer.plan.plan import AUTO
    from zoo.report import command

    return command(replace(plan, reuse=cut.reuse, freeze=None, unfreeze=AUTO, compare_scratch=True))


def cuts_table(search: Search) -> str:
    """Return the table of cuts; a star marks the best."""
    rows = [_row(one, "*" if place == search.best else "") for place, one in enumerate(search.found)]
    return table(CUTS, rows, right=CUTS[1:])


def blocks_table(blocks: tuple[Block, ...], trained: list[Trained], depth: Depth) -> str:
    """Return the table of blocks that trained alone."""
    sizes = {layer.name: layer.parameters for layer in depth.source.layers}
    rows = [
        [block.name, f"{sum(sizes[name] for name in block.train):,}", *_figures(one)]
        for block, one in zip(blocks, trained, strict=True)
    ]
    return table(BLOCKS, rows, right=BLOCKS[1:])


def document(
    searching: Searching, search: Search, blocks: tuple[Block, ...] = (), trained: list[Trained] | None = None
) -> dict[str, Any]:
    """Return the `--json` document."""
    plan, best = searching.depth.plan, search.found[search.best].cut
    return {
        "model": plan.model,
        "data": plan.data,
        "cuts": [_cut(one) for one in search.found],
        "best": best.at,
        "reuse": best.reuse,
        "next": next_command(plan, best),
        "probed_samples": search.probed,
        "seconds": {"pass": search.tap_seconds, "total": search.seconds},
        "surgical": [
            {"trains": block.train, "reuse": block.reuse, "freeze": block.freeze, "valid_accuracy": one.valid.accuracy,
             "valid_ci95": one.valid.ci95, "epochs": one.epochs, "seconds": one.seconds}
            for block, one in zip(blocks, trained or (), strict=True)
        ],
    }  # fmt: skip


def _row(one: Found, mark: str) -> list[str]:
    valid = one.valid
    so_far = figure(one.begun.accuracy) if one.begun else "-"
    trained = [figure(valid.accuracy), figure(valid.ci95)] if valid else [so_far, ""]
    epochs = "+".join(str(each.epochs) for each in one.trained) or (f"{one.tried}, dropped" if one.tried else "-")
    return [
        f"{one.cut.at} {mark}".strip(), f"{one.cut.parameters:,}", figure(one.probe.score.accuracy), *trained, epochs,
        f"{one.seconds:.1f}",
    ]  # fmt: skip


def _figures(one: Trained) -> list[str]:
    return [figure(one.valid.accuracy), figure(one.valid.ci95), str(one.epochs), f"{one.seconds:.1f}"]


def _cut(one: Found) -> dict[str, Any]:
    valid = one.valid
    return {
        "cut": one.cut.at, "layer": one.cut.layer, "reuse": one.cut.reuse, "parameters_frozen": one.cut.parameters,
        "probe": one.probe.score.accuracy, "probe_ci95": one.probe.score.ci95,
        "valid_accuracy": valid.accuracy if valid else None, "valid_ci95": valid.ci95 if valid else None,
        "valid_loss": valid.loss if valid else None,
        "accuracy_when_dropped": one.begun.accuracy if one.begun and not valid else None,
        "seeds": [each.valid.accuracy for each in one.trained], "epochs": one.tried, "seconds": one.seconds,
    }  # fmt: skip
