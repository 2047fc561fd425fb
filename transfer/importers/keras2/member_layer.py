"""What a layer of a config is in the flat graph: a native layer, an operation, or refused by name."""

from __future__ import annotations

from registry.errors import ZooError
from transfer.importers.keras2.graph import Layer
from transfer.importers.keras2.layers import HINT, translated
from transfer.importers.keras2.member import Member
from transfer.importers.keras2.op_names import LAMBDAS, operation

OWN_LAYER = "zoo>GraphLayer"  # the one class that is not Keras's: this program's own
AUTHORS = ("keras", "tf_keras", "tensorflow")


def layer_of(member: Member, scope: str, what: str, major: int) -> tuple[Layer, Layer | None, tuple[str, ...]]:
    """Return a layer, one that has to stand below it, and what was left out.

    Args:
        member: the entry of the config.
        scope: its path.
        what: the layer, as an error calls it.
        major: of the Keras that wrote the config.

    Raises:
        ZooError: its class is not Keras's own, or has no counterpart in Keras 3.
    """
    if _is_foreign(member):
        name = member.registered or member.kind
        raise ZooError(f"{what} is of the class {name[:100]}, which is not Keras's own and is not run", HINT)
    if member.kind in LAMBDAS or member.module.startswith(("keras.src.ops", "keras.ops")):
        kind, options = operation(member.kind, member.config, what)
        return Layer(scope, kind, options, member.kind, member.config), None, ()
    if member.registered == OWN_LAYER:
        return Layer(scope, "GraphLayer", member.config, "GraphLayer", member.config), None, ()
    found = translated(member.kind, member.config, what, major)
    below = Layer(f"{scope}/below", *found.below, "", {}) if found.below else None
    return Layer(scope, found.kind, found.config, member.kind, member.config), below, found.notes


def _is_foreign(member: Member) -> bool:
    if member.registered == OWN_LAYER:
        return False
    return ">" in member.registered or (bool(member.module) and member.module.split(".")[0] not in AUTHORS)
