"""Read a Caffe net: prototxt and caffemodel to a functional Keras model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.watch import Watch, silent
from transfer.files.shown import first_line
from transfer.imported import Imported
from transfer.importers.caffe.build import Built, build, tied
from transfer.importers.caffe.caffemodel import CaffeModel, read_caffemodel
from transfer.importers.caffe.ends import channels_by, shape_of
from transfer.importers.caffe.misspelt import misspelt
from transfer.importers.caffe.opencv import compared
from transfer.importers.caffe.pairing import pair
from transfer.importers.caffe.phase import at_test
from transfer.importers.caffe.plan import Plan, planned
from transfer.importers.caffe.preprocessing import stated
from transfer.importers.caffe.prototxt import read_prototxt
from transfer.importers.caffe.upgrade import upgraded

FORMAT = "caffe"


def read(
    path: Path | str,
    *,
    output: str | None = None,
    prototxt: Path | str | None = None,
    compare: bool = True,
    seed: int = 0,
    watch: Watch = silent,
) -> Imported:
    """Import a Caffe net.

    Args:
        path: the caffemodel, the prototxt, or a folder with one of each; a caffemodel alone holds the layers of the
            net that it was trained in.
        output: the blobs or layers that the model is to end in, separated by commas; its own outputs where None.
        prototxt: the prototxt, where it does not lie beside the caffemodel under a name that tells.
        compare: run the original in OpenCV, where installed, and compare.
        seed: of the random inputs.
        watch: called with progress.

    Raises:
        ZooError: a file is missing or damaged, a layer cannot be imported exactly, or the numbers differ.
    """
    text, weights = pair(Path(path), None if prototxt is None else Path(prototxt))
    model = read_caffemodel(weights)
    net = None if text is None else read_prototxt(text)
    where, odd = text or weights, {} if text is None else misspelt(text.read_text("utf-8"))
    try:
        layers = list(upgraded(model.net).layer) if net is None else at_test(upgraded(net))
        plan = _plan(layers, model, output)
        built = build(plan, model.blobs, watch)
    except ZooError as error:
        raise _refusal(where, error, odd) from error
    except Exception as error:  # Keras and TensorFlow raise whatever an impossible size led to
        raise ZooError(f"{where} cannot be built: {type(error).__name__}: {first_line(error)}") from error
    proof = compared(plan, built, weights, seed, watch) if compare else (None, "")
    found = _account(model, layers, plan, built, proof)
    meant = (f"the field {name} is unknown and left out; {known} is known" for name, known in odd.items())
    return replace(found, notes=(*found.notes, *meant))


def _refusal(where: Path, error: ZooError, odd: Mapping[str, str]) -> ZooError:
    """Return an error with the file's name, and with its misspelt fields, which may be the reason."""
    if not odd:
        return ZooError(f"{where}: {error.message}", error.hint)
    names = ", ".join(odd)
    hints = ", ".join(f"{known} for {name}" for name, known in odd.items())
    return ZooError(f"{where}: {error.message}; unknown to Caffe is {names}", f"write {hints}")


def _plan(layers: list[Any], model: CaffeModel, output: str | None) -> Plan:
    channels = channels_by(layers, lambda layer: _width(model, layer.name))
    return planned(layers, lambda layer, top: shape_of(layer, top, channels(top)), output)


def _width(model: CaffeModel, name: str) -> int | None:
    blobs = model.blobs.get(name)
    return blobs[0].shape[1] if blobs and len(blobs[0].shape) > 1 else None


def _account(model: CaffeModel, layers: list[Any], plan: Plan, built: Built, proof: tuple[Any, str]) -> Imported:
    difference, said = proof
    trained = list(upgraded(model.net).layer)
    shape = next(iter(plan.inputs.values()))
    preprocessing, note = stated([*layers, *trained], shape, model.path.parent)
    notes = [*plan.notes, *tied(plan.layers), note, "" if difference else said]
    return Imported(
        built.model,
        FORMAT,
        tuple(built.net.mapped),
        unmapped(model, plan, built),
        difference.largest if difference else None,
        difference.relative if difference else None,
        notes=tuple(note for note in notes if note),
        compared_with=said if difference else "",
        preprocessing=preprocessing,
    )


def unmapped(model: CaffeModel, plan: Plan, built: Built) -> dict[str, str]:
    """Return the arrays that are in no layer of the model, each with the reason."""
    used = {source for layer in built.net.mapped for source in layer.sources}
    reasons = {
        blob.name: plan.dropped.get(layer, "the net has no such layer at test time")
        for layer, blobs in model.blobs.items()
        for blob in blobs
    }
    return {name: reason for name, reason in reasons.items() if name not in used}
