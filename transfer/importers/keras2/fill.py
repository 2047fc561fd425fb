"""Put a file's arrays into the layers of a model, strictly: every array goes somewhere, every weight comes from one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from registry.errors import ZooError, first_few
from registry.watch import Watch, silent
from transfer.assign import assign
from transfer.imported import Mapped
from transfer.importers.keras2.arrays import Writer, fitted
from transfer.importers.keras2.graph import Graph, Layer

MOST = 20
OLD_COUNTS = {"LSTM": 12, "GRU": 9}  # Keras 1 kept each gate's arrays by themselves


@dataclass(frozen=True)
class Source:
    """One array of a file.

    Attributes:
        name: what the file calls it.
        shape: its own.
        load: reads it.
    """

    name: str
    shape: tuple[int, ...]
    load: Callable[[], NDArray[Any]]


Sources = Mapping[str, Sequence[Source]]


def weights_of(layer: Any) -> list[Any]:
    """Return a layer's weights without the state of random generators."""
    return [weight for weight in layer.weights if "seed_generator" not in weight.path]


def by_scope(graph: Graph, layers: Mapping[str, Any], groups: Sources, major: int) -> dict[str, list[Source]]:
    """Share out the arrays of an HDF5 file's groups, of which a nested model has one.

    Such a group holds first what trains in all its layers, then the rest (`Layer.weights` of Keras 1 and 2).

    Args:
        graph: the model's.
        layers: its Keras layers by scope.
        groups: the arrays by layer of the outermost model.
        major: of the Keras that wrote them.
    """
    shared: dict[str, list[Source]] = {}
    used = set()
    for group, scopes in graph.groups.items():
        inner = [scope.split("/")[-1] for scope in scopes]
        if group in groups:
            used.add(group)
            shared |= _parts(graph, layers, scopes, list(groups[group]), major)
        elif len(scopes) > 1 and set(inner) & set(groups):  # Keras 1 wrote a Sequential model in another as its layers
            used |= set(inner)
            shared |= {scope: list(groups.get(name, ())) for scope, name in zip(scopes, inner, strict=True)}
    return shared | {name: list(groups[name]) for name in groups if name not in used and groups[name]}


def _parts(
    graph: Graph, layers: Mapping[str, Any], scopes: Sequence[str], sources: list[Source], major: int
) -> dict[str, list[Source]]:
    if len(scopes) == 1:
        return {scopes[0]: sources}
    counts = {scope: _counts(graph.layers[scope], layers.get(scope), major) for scope in scopes}
    parts: dict[str, list[Source]] = {scope: [] for scope in scopes}
    at = 0
    for turn in (0, 1):
        for scope in scopes:
            parts[scope] += sources[at : at + counts[scope][turn]]
            at += counts[scope][turn]
    parts[scopes[-1]] += sources[at:]  # too many: reported with that layer
    return parts


def _counts(layer: Layer, made: Any, major: int) -> tuple[int, int]:
    """Return how many arrays of a layer lie among those that train, and among the rest."""
    if made is None:
        return 0, 0
    held = weights_of(made)
    training = {id(weight) for weight in made.trainable_weights}
    first = sum(id(weight) in training for weight in held)
    rest = len(held) - first
    if major == 1 and layer.kind in OLD_COUNTS and layer.given.get("consume_less") != "gpu":
        first = OLD_COUNTS[layer.kind]
    return (0, first + rest) if layer.given.get("trainable") is False else (first, rest)


def fill(
    graph: Graph,
    layers: Mapping[str, Any],
    sources: Sources,
    writer: Writer,
    where: str,
    hint: str = "",
    watch: Watch = silent,
) -> tuple[Mapped, ...]:
    """Set every weight, and return the account.

    Args:
        graph: the model's.
        layers: its Keras layers by scope.
        sources: the arrays by scope.
        writer: what wrote them.
        where: the file, as an error calls it.
        hint: what to do about an error.
        watch: called with progress.

    Raises:
        ZooError: weights are missing, left over or of another shape; up to 20 of each are listed.
    """
    problems: dict[str, list[str]] = {"missing": [], "unexpected": [], "misshapen": []}
    for scope in sorted(set(sources) - set(layers)):
        problems["unexpected"] += [source.name for source in sources[scope]]
    mapped = []
    for number, (scope, made) in enumerate(layers.items(), start=1):
        mapped.append(_one(scope, made, graph.layers.get(scope), sources.get(scope, ()), writer, problems))
        watch("layers", number, len(layers))
    found = [f"{kind}: {first_few(names, MOST)}" for kind, names in problems.items() if names]
    if found:
        raise ZooError(f"the weights in {where} do not fit its architecture; {'; '.join(found)}", hint)
    return tuple(mapped)


def _one(
    scope: str,
    made: Any,
    layer: Layer | None,
    sources: Sequence[Source],
    writer: Writer,
    problems: dict[str, list[str]],
) -> Mapped:
    held = weights_of(made)
    kind = type(made).__name__
    if not held and not sources:
        return Mapped(scope, kind, (), 0)
    if layer is None or not held:
        problems["unexpected"] += [source.name for source in sources]
        return Mapped(scope, kind, (), 0)
    if not sources:
        problems["missing"] += [f"{scope}/{weight.name}" for weight in held]
        return Mapped(scope, kind, (), 0)
    arrays = _read(layer, sources, writer)
    expected, got = [tuple(weight.shape) for weight in held], [array.shape for array in arrays]
    if expected == got:
        for weight, array in zip(held, arrays, strict=True):
            assign(weight, array)
        if hasattr(made, "finalize_state"):
            made.finalize_state()
    else:
        problems["misshapen"].append(f"{scope} expected {_shapes(expected)}, got {_shapes(got)}")
    return Mapped(scope, kind, tuple(source.name for source in sources), sum(array.size for array in arrays))


def _read(layer: Layer, sources: Sequence[Source], writer: Writer) -> list[NDArray[Any]]:
    arrays = [source.load() for source in sources]
    return fitted(layer.origin, layer.given, arrays, writer)


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    return " ".join(str(list(shape)) for shape in shapes)
