"""In whose layout arrays lie when their file does not say: decided from all shapes together. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from registry.errors import ZooError
from transfer.weights.layouts.layout import turn
from transfer.weights.target import Kind, Shape, Target

CONVENTIONS = ("keras", "torch")
Pair = tuple[Target, Sequence[Shape]]


def settled(pairs: Sequence[Pair]) -> tuple[Mapping[str, str], str]:
    """Return each target's convention, and a sentence that says how it was found.

    Most shapes fit one layout only. Those that fit both (square kernels) follow all others; where no shape decides,
    they are taken as Keras has them.

    Raises:
        ZooError: the others are of both layouts, so that nothing decides about those that fit both.
    """
    fits = {target.name: [name for name in CONVENTIONS if turn(target, name, shapes)] for target, shapes in pairs}
    deciding = [target.name for target, _ in pairs if target.kind is not Kind.VECTOR]
    counts = {one: sum(fits[name] == [one] for name in deciding) for one in CONVENTIONS}
    both = [target.name for target, _ in pairs if len(fits[target.name]) == 2 and _matters(target)]
    if both and all(counts.values()):
        raise ZooError(
            f"the file does not say whose layout its arrays have: {counts['keras']} fit only Keras's and "
            f"{counts['torch']} only PyTorch's, so that nothing decides about {', '.join(both[:20])}",
            "write the arrays in one layout",
        )
    others = "torch" if counts["torch"] and not counts["keras"] else "keras"
    chosen = {name: found[0] if len(found) == 1 else others for name, found in fits.items()}
    return chosen, _sentence(counts, both, others)


def _matters(target: Target) -> bool:
    return target.kind is not Kind.VECTOR or bool(target.rows)


def _sentence(counts: Mapping[str, int], both: Sequence[str], others: str) -> str:
    said = f"the file does not say whose layout its arrays have: by their shapes, {counts['keras']} kernels lie as in "
    said += f"Keras and {counts['torch']} as in PyTorch"
    if both:
        layout = "Keras" if others == "keras" else "PyTorch"
        said += f"; {len(both)} would fit either way and {'was' if len(both) == 1 else 'were'} taken as in {layout}"
        said += f" ({', '.join(both[:5])}{' …' if len(both) > 5 else ''})"
    return said
