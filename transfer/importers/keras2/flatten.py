"""Read a model config of any Keras into a flat graph: nested models become scopes, `outer/inner`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.errors import ZooError
from transfer.importers.keras2.declared import Declared
from transfer.importers.keras2.graph import Call, Graph, Ref
from transfer.importers.keras2.kinds import MODELS
from transfer.importers.keras2.member import Member, key_numbers, members
from transfer.importers.keras2.nodes import Key, arguments, ends
from transfer.importers.keras2.trusted import check

MOST_CALLS = 20_000
DAMAGED = (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError)
Made = dict[tuple[str, int], list[Ref]]


def flatten(config: Mapping[str, Any], where: str, major: int) -> Graph:
    """Read a model config.

    Args:
        config: `{"class_name": "Functional", "config": {...}}`, as `model.to_json()` writes it.
        where: the file, as an error calls it.
        major: of the Keras that wrote it: 1, 2 or 3.

    Raises:
        ZooError: it is no functional or sequential model, it holds what is not native to Keras 3 (named), or damaged;
            it names a class that is not known here, be it where nothing is made of it.
    """
    try:
        graph = _Flattening(where, major).graph(config)
        check(config, where)
        return graph
    except RecursionError as error:
        raise ZooError(f"the model config of {where} is nested too deeply") from error
    except DAMAGED as error:  # a value of another kind than Keras writes, wherever it is first used
        raise ZooError(f"the model config of {where} is damaged: {type(error).__name__}: {str(error)[:100]}") from error


class _Flattening:
    """The graph as it grows."""

    def __init__(self, where: str, major: int) -> None:
        self.where = where
        self.declared = Declared(where, major)
        self.calls: list[Call] = []
        self.uses = 0

    def graph(self, given: Mapping[str, Any]) -> Graph:
        kind, config = given.get("class_name"), given.get("config")
        if str(kind) not in MODELS or kind == "Graph":
            raise ZooError(
                f"{self.where} holds a {str(kind)[:80]}, which is no model that a config describes: expected a "
                "Functional or Sequential model"
            )
        inputs: list[Ref] = []
        self.declared.declare(members(config, str(kind), self.where))
        outputs = self.model(str(kind), config, "", None, inputs, {})
        name = config.get("name") if isinstance(config, Mapping) else None
        groups = {group: tuple(scopes) for group, scopes in self.declared.groups.items()}
        return Graph(
            str(name or given.get("name") or "model"),
            self.declared.layers,
            tuple(self.calls),
            tuple(inputs),
            tuple(outputs),
            groups,
            self.declared.nested,
            tuple(dict.fromkeys(self.declared.notes)),
        )

    def model(
        self,
        kind: str,
        config: Any,
        path: str,
        given: list[Ref] | None,
        inputs: list[Ref],
        kwargs: Mapping[str, Any],
    ) -> list[Ref]:
        """Add a model's calls; its inputs are those that are given, or new ones."""
        self.declared.bound(path)
        if kind == "Sequential":
            return self.sequence(members(config, kind, self.where), config, path, given, inputs, kwargs)
        held = members(config, kind, self.where)
        made: Made = {}
        self.place_inputs(held, config, path, given, inputs, made)
        self.run(held, config, path, made, kwargs)
        return [self.found(made, key) for key in ends(config.get("output_layers"), f"{self.where}: output_layers")]

    def sequence(
        self,
        held: list[Member],
        config: Any,
        path: str,
        given: list[Ref] | None,
        inputs: list[Ref],
        kwargs: Mapping[str, Any],
    ) -> list[Ref]:
        current = given
        for member in held:
            if member.kind == "InputLayer":
                current = current or [self.input(member, path, inputs)]
            elif current is None and (shape := member.shape or _built(config, member)) is not None:
                current = [self.input(Member(f"{member.name}_input", "InputLayer", shape, [], ""), path, inputs)]
                current = self.use(member, path, (current[0],), {}, inputs, kwargs)
            elif current is None and member.kind not in MODELS:
                raise ZooError(
                    f"{self.where} does not say the shape of its input: expected an InputLayer, or batch_input_shape "
                    f"in its first layer {member.name}"
                )
            else:
                args: tuple[Any, ...] = () if current is None else (current[0] if len(current) == 1 else current,)
                current = self.use(member, path, args, {}, inputs, kwargs)
        if not current:
            raise ZooError(f"{self.where} holds a model without layers{f': {path}' if path else ''}")
        return current

    def place_inputs(
        self,
        held: list[Member],
        config: Mapping[str, Any],
        path: str,
        given: list[Ref] | None,
        inputs: list[Ref],
        made: Made,
    ) -> None:
        by_name = {member.name: member for member in held}
        keys = ends(config.get("input_layers"), f"{self.where}: input_layers")
        if given is not None and len(given) != len(keys):
            raise ZooError(f"{self.where}: {path} has {len(keys)} inputs and is called with {len(given)}")
        for place, (name, _, _) in enumerate(keys):
            if name not in by_name:
                raise ZooError(f"{self.where} is damaged: its input {name} is none of its layers")
            made[name, 0] = [given[place]] if given is not None else [self.input(by_name[name], path, inputs)]

    def run(
        self, held: list[Member], config: Mapping[str, Any], path: str, made: Made, kwargs: Mapping[str, Any]
    ) -> None:
        """Add every call as soon as all that it reads is there, as Keras does."""
        names = {member.name for member in held}
        base = key_numbers(held, config)
        pending = [(m, number, node) for m in held for number, node in enumerate(m.nodes)]
        while pending:
            waiting = []
            for member, number, node in pending:
                try:
                    args, own = arguments(
                        node, names, lambda key: self.found(made, key), f"{self.where}: {member.name}"
                    )
                except KeyError:
                    waiting.append((member, number, node))
                    continue
                outputs = self.use(member, path, args, own, [], kwargs)
                made[member.name, number + base[member.name]] = outputs
            if len(waiting) == len(pending):
                raise ZooError(
                    f"{self.where} is damaged: the layer {waiting[0][0].name} reads what no layer makes, or itself"
                )
            pending = waiting

    def use(
        self,
        member: Member,
        path: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        inputs: list[Ref],
        outer: Mapping[str, Any],
    ) -> list[Ref]:
        """Add a call of a layer, or all calls of a nested model."""
        self.uses += 1
        if self.uses > MOST_CALLS:
            raise ZooError(f"{self.where} calls more than {MOST_CALLS:,} layers")
        own = {key: value for key, value in {**outer, **kwargs}.items() if value is not None}
        if member.kind in MODELS:
            passed = {key: value for key, value in own.items() if key == "training"}
            flat = _flat(args, f"{self.where}: {member.name}") if args else None
            return self.model(member.kind, member.config, f"{path}{member.name}/", flat, inputs, passed)
        scope = self.declared.layer(member, path).scope
        if f"{scope}/below" in self.declared.layers:
            self.calls.append(Call(f"{scope}/below", args))
            args = (Ref(len(self.calls) - 1),)
        self.calls.append(Call(scope, args, own))
        return [Ref(len(self.calls) - 1)]

    def input(self, member: Member, path: str, inputs: list[Ref]) -> Ref:
        self.calls.append(Call(self.declared.input(member, path).scope, ()))
        inputs.append(Ref(len(self.calls) - 1))
        return inputs[-1]

    def found(self, made: Made, key: Key) -> Ref:
        """Return what stands for a tensor; KeyError where it is not made yet."""
        name, call, output = key
        outputs = made[name, call]
        if len(outputs) == 1 and output > 0:  # a layer with several outputs; how many is known when it is called
            return Ref(outputs[0].call, output)
        if not 0 <= output < len(outputs):
            raise ZooError(f"{self.where} is damaged: {name} has no output {output}")
        return outputs[output]


def _flat(args: tuple[Any, ...], where: str) -> list[Ref]:
    found: list[Ref] = []
    for value in args:
        found += value if isinstance(value, list) else [value]
    if not all(isinstance(value, Ref) for value in found):
        raise ZooError(f"{where} is a model that is called with something else than tensors")
    return found


def _built(config: Any, member: Member) -> dict[str, Any] | None:
    shape = config.get("build_input_shape") if isinstance(config, Mapping) else None
    return {"batch_shape": shape, "name": f"{member.name}_input"} if isinstance(shape, list) else None
