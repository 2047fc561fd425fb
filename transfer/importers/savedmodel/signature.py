"""Which signature of a SavedModel is meant, and between which tensors it runs. Pure, over a `MetaGraphDef`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.errors import ZooError, near
from transfer.importers.metagraph.graph import canonical

DEFAULTS = ("serving_default", "default")  # of TensorFlow, and of TensorFlow Hub's first format


@dataclass(frozen=True)
class Signature:
    """A signature: tensors by name.

    Attributes:
        name: what it is called; empty for a restored function.
        inputs: the tensors that it takes, by argument.
        outputs: the tensors that it returns, by key.
        dtypes: what each tensor holds, as in types.proto.
    """

    name: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    dtypes: Mapping[str, int]


def signatures(meta: Any) -> dict[str, Signature]:
    """Return a meta-graph's signatures by name, but for those that TensorFlow keeps for itself."""
    return {
        name: _signature(name, held)
        for name, held in sorted(meta.signature_def.items())
        if not name.startswith("__") and held.outputs
    }


def _signature(name: str, held: Any) -> Signature:
    inputs, outputs = (
        {key: canonical(info.name) if info.name else "" for key, info in sorted(side.items())}
        for side in (held.inputs, held.outputs)
    )
    infos = [info for side in (held.inputs, held.outputs) for info in side.values()]
    return Signature(name, inputs, outputs, {canonical(info.name): int(info.dtype) for info in infos})


def chosen(found: Mapping[str, Signature], asked: str | None, where: str) -> Signature | None:
    """Return the signature that is asked for, else the default one, else the only one; None where there are none.

    Args:
        found: the signatures.
        asked: a name.
        where: the SavedModel, for people.

    Raises:
        ZooError: there is none of that name, or there are several and none is the default.
    """
    if asked is not None:
        if asked not in found:
            listed = ", ".join(found) or "none"
            raise ZooError(f"{where} has no signature {asked!r}; it has {listed}", near(asked, list(found)))
        return found[asked]
    default = next((found[name] for name in DEFAULTS if name in found), None)
    if default is None and len(found) > 1:
        raise ZooError(
            f"{where} has {len(found)} signatures and none is serving_default: {', '.join(found)}",
            f"name one: --signature {next(iter(found))}",
        )
    return default or next(iter(found.values()), None)


def graph_of(graphs: Sequence[Any], where: str) -> Any:
    """Return the meta-graph for inference: tagged `serve`, else without tags (TensorFlow Hub), else not `train`.

    Raises:
        ZooError: there is none.
    """
    tags = [set(meta.meta_info_def.tags) for meta in graphs]
    tests = (
        lambda t: t == {"serve"},
        lambda t: "serve" in t and "train" not in t,
        lambda t: not t,
        lambda t: "train" not in t,
    )
    for test in tests:
        for meta, own in zip(graphs, tags, strict=True):
            if test(own):
                return meta
    listed = ", ".join(sorted(" ".join(sorted(own)) for own in tags)) or "none"
    raise ZooError(f"{where} has no graph for inference; its graphs are tagged: {listed}", "export it for serving")
