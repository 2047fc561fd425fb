"""The graph of layers: what stays fixed below a cut, and where the cut lies. Pure: no Keras."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from registry.card import LayerInfo

INPUT = "InputLayer"

# Layers that draw random numbers in training. Without weights they would count as fixed, but a cache of
# their outputs would freeze one draw for ever.
RANDOM = frozenset({"Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout",
                    "GaussianDropout", "GaussianNoise", "RReLU"})  # fmt: skip

ACTIVATIONS = frozenset({"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "RReLU"})


def weighted(layers: Sequence[LayerInfo]) -> tuple[str, ...]:
    """Return the scopes of the layers that hold parameters, in order."""
    return tuple(layer.name for layer in layers if layer.parameters)


def closed(layers: Sequence[LayerInfo], frozen: Collection[str]) -> tuple[str, ...]:
    """Return the largest set of layers that nothing trained or random feeds into.

    A layer is in it if it is frozen, or has no weights and draws nothing, and all that it reads is in it.

    Args:
        layers: all layers, each after those that it reads.
        frozen: the scopes of the frozen layers.
    """
    below: set[str] = set()
    for layer in layers:
        fixed = layer.name in frozen or (layer.parameters == 0 and not _random(layer))
        if fixed and below.issuperset(layer.inputs):
            below.add(layer.name)
    return tuple(layer.name for layer in layers if layer.name in below)


def cut(layers: Sequence[LayerInfo], below: Collection[str]) -> tuple[str, ...]:
    """Return the layers of a closed set whose outputs are read above it: the edge where training begins."""
    read = {name for layer in layers if layer.name not in below for name in layer.inputs}
    return tuple(layer.name for layer in layers if layer.name in below and layer.name in read)


def sources(layers: Sequence[LayerInfo]) -> dict[str, set[str]]:
    """Return for each layer all that feeds it, however far below, and itself."""
    reads = {layer.name: layer.inputs for layer in layers}
    return {name: _reached(name, reads) for name in reads}


def tips(layers: Sequence[LayerInfo], scopes: Collection[str]) -> tuple[str, ...]:
    """Return those of some layers that feed no other of them, in order."""
    fed_by = sources(layers)
    below = {fed for name in scopes for fed in fed_by[name] if fed != name}
    return tuple(layer.name for layer in layers if layer.name in scopes and layer.name not in below)


def ends(layers: Sequence[LayerInfo], reused: Collection[str]) -> tuple[str, ...]:
    """Say where a new top stands: on the highest reused layers, or on what follows them without weights.

    What follows is an activation, a pooling or a merge, all of whose inputs are below already, and which is the only
    reader of what it reads of the ends. A net's own class probabilities are no features, and its own dropout is no
    place to stand on: the top has one of its own.

    Args:
        layers: all layers, each after those that it reads.
        reused: the scopes of the reused ones, some of them with weights.
    """
    fed_by, held = sources(layers), set(weighted(layers)).intersection(reused)
    found = set(tips(layers, {name for name in reused if held & fed_by[name]}))
    below = set().union(*(fed_by[name] for name in found))
    for layer in layers:
        carried = found.intersection(layer.inputs)
        sole = all(readers(layers, name) == (layer.name,) for name in carried)
        if carried and sole and not layer.parameters and below.issuperset(layer.inputs) and not _answers(layers, layer):
            found = found - carried | {layer.name}
            below.add(layer.name)
    drawing = {layer.name: layer.inputs[0] for layer in layers if _random(layer) and layer.inputs}
    found = {_under(name, drawing) for name in found}
    return tuple(layer.name for layer in layers if layer.name in found)


def heads(layers: Sequence[LayerInfo], reused: Collection[str]) -> tuple[str, ...]:
    """Return the last layers with weights, one an end of the net, that all reused layers with weights feed."""
    fed_by, order = sources(layers), weighted(layers)
    held = set(order).intersection(reused)
    leaves = [layer.name for layer in layers if not readers(layers, layer.name)]
    last = {[name for name in order if name in fed_by[leaf]][-1] for leaf in leaves if fed_by[leaf].intersection(order)}
    return tips(layers, {name for name in last if held <= fed_by[name]})


def readers(layers: Sequence[LayerInfo], scope: str) -> tuple[str, ...]:
    """Return the layers that read a layer's outputs."""
    return tuple(layer.name for layer in layers if scope in layer.inputs)


def single_path(layers: Sequence[LayerInfo], scope: str) -> tuple[LayerInfo, ...]:
    """Return what follows a layer as long as it has one reader that reads nothing else."""
    by_name = {layer.name: layer for layer in layers}
    path: list[LayerInfo] = []
    while len(above := readers(layers, scope)) == 1 and by_name[above[0]].inputs == (scope,):
        scope = above[0]
        path.append(by_name[scope])
    return tuple(path)


def activation_above(layers: Sequence[LayerInfo], scope: str) -> str | None:
    """Return the layer that is a layer's activation: the next one above it, but for normalisations."""
    above = (layer for layer in single_path(layers, scope) if not layer.type.endswith("Normalization"))
    first = next(above, None)
    return first.name if first is not None and first.type in ACTIVATIONS else None


def _answers(layers: Sequence[LayerInfo], layer: LayerInfo) -> bool:
    return layer.type in ("Activation", "Softmax") and not readers(layers, layer.name)


def _reached(name: str, reads: dict[str, tuple[str, ...]]) -> set[str]:
    found, left = {name}, [name]
    while left:  # a layer that is called twice may read what it feeds
        new = set(reads[left.pop()]) - found
        found |= new
        left += new
    return found


def _under(name: str, drawing: Mapping[str, str]) -> str:
    while name in drawing:
        name = drawing[name]
    return name


def _random(layer: LayerInfo) -> bool:
    return layer.type in RANDOM or layer.type.startswith("Random")
