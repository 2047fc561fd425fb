"""The layers of a model config by scope, those of models inside it too, and the groups that hold their weights."""

from __future__ import annotations

from registry.errors import ZooError
from transfer.importers.keras2.graph import Layer
from transfer.importers.keras2.kinds import MODELS
from transfer.importers.keras2.member import Member, members
from transfer.importers.keras2.member_layer import layer_of

DEEPEST = 32


class Declared:
    """The layers as they are found.

    Args:
        where: the file, as an error calls it.
        major: of the Keras that wrote it.

    Attributes:
        layers: by scope.
        groups: the scopes whose weights a group of an HDF5 file holds, by the outermost layer's name.
        notes: what is to be said of layers.
        nested: whether there are models inside.
    """

    def __init__(self, where: str, major: int) -> None:
        self.where, self.major = where, major
        self.layers: dict[str, Layer] = {}
        self.groups: dict[str, list[str]] = {}
        self.notes: list[str] = []
        self.nested = False
        self._taken: dict[str, str] = {}

    def declare(self, held: list[Member], path: str = "", group: str = "") -> None:
        """Note all layers in the file's order, in which their weights lie in it too."""
        for member in held:
            top = group or member.name
            if member.kind in MODELS:
                self.nested = True
                self.bound(path)
                self.declare(members(member.config, member.kind, self.where), f"{path}{member.name}/", top)
            elif member.kind != "InputLayer":
                self.groups.setdefault(top, []).append(self.layer(member, path).scope)

    def input(self, member: Member, path: str) -> Layer:
        """Add an input."""
        scope = self._scope(member, path)
        self.layers[scope] = Layer(scope, "InputLayer", member.config, "InputLayer", member.config)
        return self.layers[scope]

    def layer(self, member: Member, path: str) -> Layer:
        """Return a layer, made of its config when it is first asked for."""
        scope = self._scope(member, path)
        if scope in self.layers:
            return self.layers[scope]
        found, below, notes = layer_of(member, scope, f"{self.where}: the layer {scope}", self.major)
        self.notes += notes
        if below:
            self.layers[below.scope] = below
        self.layers[scope] = found
        return found

    def bound(self, path: str) -> None:
        """Refuse a path of too many models inside each other."""
        if path.count("/") > DEEPEST:
            raise ZooError(f"{self.where} nests models more than {DEEPEST} deep")

    def _scope(self, member: Member, path: str) -> str:
        """Return a layer's scope; one that another layer has already gets a number (Keras compares without case)."""
        full = (path + member.name).replace(">", "/").strip("/")
        owner = f"{path}\0{member.name}"
        for number in range(len(self._taken) + 2):
            scope = f"{full}_{number}" if number else full
            if self._taken.setdefault(scope.lower(), owner) == owner:
                return scope
        raise AssertionError("unreachable: one of them is free")
