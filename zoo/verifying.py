"""`zoo verify`: every byte of every file, then each card against its weights, then its stored test, computed anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry import policy, signatures
from registry.errors import ZooError
from registry.model import Model
from registry.shelf import Shelf
from registry.verify import damage
from registry.watch import Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from transfer.backbone import Backbone

TOLERANCE = 1e-4  # of the stored outputs' largest absolute value: other processors round differently


@dataclass(frozen=True)
class Verdict:
    """One revision and what is wrong with it, in words."""

    name: str
    revision: str
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(text: str | None, watch: Watch, *, replay: bool = True) -> list[Verdict]:
    """Verify one model, one revision, or all of them.

    Args:
        text: `NAME` for all its revisions, `NAME@REV` for one, None for every model on this machine.
        watch: called with the stage `verify`.
        replay: whether to load models as well, and compare them with their cards and stored tests.

    Raises:
        ZooError: there is no such model, or the catalogue cannot be read.
    """
    shelf = Shelf()
    models = _asked(shelf, text)
    verdicts = []
    for number, model in enumerate(models):
        watch("verify", number, len(models), model.ref)
        problems = damage(shelf, model)
        if replay and not problems:
            problems = list(_numbers(shelf, model))
        verdicts.append(Verdict(model.name, model.revision, tuple(problems)))
    watch("verify", len(models), len(models))
    return verdicts


def _asked(shelf: Shelf, text: str | None) -> list[Model]:
    if text is None:
        return [*shelf.shipped.models(), *shelf.local.catalogue.all_models()]
    model = shelf.find(text)
    if "@" in text or model.source != shelf.local.name:
        return [model]
    return list(shelf.local.catalogue.all_models(model.name))


def _numbers(shelf: Shelf, model: Model) -> Iterator[str]:
    yield from _signature(shelf, model)
    from transfer.importers.table import IMPORTERS

    if model.card.format not in {importer.format for importer in IMPORTERS} or not model.card.layers:
        return  # a format that is only kept: there is nothing to compute with
    from zoo.opening import open_model

    try:
        backbone = open_model(shelf, model)
    except ZooError as error:
        yield f"its weights cannot be read: {error.message}"
        return
    yield from _card(model, backbone)
    yield from _test(shelf, model, backbone)


def _signature(shelf: Shelf, model: Model) -> Iterator[str]:
    """Check a signature against the policy's keys, where there are both."""
    keys = policy.read(shelf.home).public_keys
    signature = shelf.local.signature(model) if model.source == shelf.local.name else None
    if not keys or not signature:
        return
    from zoo.laying import laid

    try:
        with laid(shelf, model, signature) as folder:
            signatures.check_any(folder, signature, keys, model.ref)
    except ZooError as error:
        yield error.message


def _card(model: Model, backbone: Backbone) -> Iterator[str]:
    from transfer.backbone import describe

    known, found = model.card.layers, describe(backbone.model)
    if [(one.name, one.type, one.parameters) for one in known] != [
        (one.name, one.type, one.parameters) for one in found
    ]:
        names = {one.name for one in known} ^ {one.name for one in found}
        where = f": {', '.join(sorted(names)[:5])}" if names else ""
        yield f"the card lists other layers than the weights have{where}"
    said = [spec.shape for spec in model.card.inputs]
    taken = [(None, *one.shape) for one in backbone.inputs]
    if said and [shape[1:] for shape in said] != [shape[1:] for shape in taken]:
        yield f"the card says input {_listed(said)}, the weights take {_listed(taken)}"


def _test(shelf: Shelf, model: Model, backbone: Backbone) -> Iterator[str]:
    if not model.card.tests:
        return
    from transfer.extract import named_outputs
    from transfer.inputs import feed
    from transfer.stored_test import read

    try:
        stored = read(shelf.folder(model) / model.card.tests)
    except ZooError as error:
        yield f"its stored test {error.message}"
        return
    try:
        x = feed(stored.inputs, backbone.inputs, backbone.preprocessing, model.card.tests)
        got = named_outputs(backbone.model, x)
    except ZooError as error:
        yield f"its stored test cannot be computed: {error.message}"
        return
    yield from _differences(stored.expected(tuple(got)), got)


def _differences(stored: Mapping[str, NDArray[Any]], got: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    import numpy as np

    if stored.keys() != got.keys():
        yield f"its stored test has the outputs {', '.join(stored)}, the weights give {', '.join(got)}"
        return
    for name, expected in stored.items():
        which = "outputs" if len(stored) == 1 else f"outputs {name}"
        if got[name].shape != expected.shape:
            yield f"its stored test has {which} {expected.shape}, the weights give {got[name].shape}"
            continue
        difference = float(np.max(np.abs(np.subtract(got[name], expected, dtype=float)), initial=0.0))
        if not difference <= TOLERANCE * max(1.0, float(np.max(np.abs(expected), initial=0.0))):
            yield f"its {which} for the stored test differ from the stored ones by up to {difference:.3g}"


def _listed(shapes: Sequence[tuple[int | None, ...]]) -> str:
    return ", ".join(str(shape) for shape in shapes)
