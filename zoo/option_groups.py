"""Groups of options that several commands share, and how a command takes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Annotated, Any

Given = dict[str, Any]


def as_given(values: Mapping[str, Any]) -> Given:
    """Return the options that were given: neither None nor an unset flag."""
    return {name: value for name, value in values.items() if value is not None and value is not False}


@dataclass(frozen=True)
class Group:
    """Options that belong together.

    Attributes:
        title: what they stand under in a command's help.
        kinds: each option's annotated type for Typer, by the name of the parameter.
        read: turns the values of all of them into those of `zoo.plans.Options` that were given.
    """

    title: str
    kinds: Mapping[str, Any]
    read: Callable[[Mapping[str, Any]], Given] = as_given

    def without(self, *names: str) -> Group:
        """Leave some options out."""
        return replace(self, kinds={name: kind for name, kind in self.kinds.items() if name not in names})

    @property
    def titled(self) -> dict[str, Any]:
        """The kinds with the title as what Typer calls a panel."""
        return {name: _under(self.title, kind) for name, kind in self.kinds.items()}


def takes(*groups: Group) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command groups of options; it gets those that were given, by name, as its parameter `options`.

    They stand in the command's help below its own, a section a group.
    """
    shared = {name: kind for group in groups for name, kind in group.titled.items()}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(**values: Any) -> None:
            taken = [group.read({name: values.pop(name) for name in group.kinds}) for group in groups]
            command(**values, options={name: value for options in taken for name, value in options.items()})

        own = inspect.signature(command, eval_str=True).parameters
        parameters = [one for name in own for one in (_shared(shared) if name == "options" else [own[name]])]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.__doc__ = command.__doc__
        return run

    return decorate


def _shared(kinds: Mapping[str, Any]) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False if _is_flag(kind) else None, annotation=kind
        )
        for name, kind in kinds.items()
    ]


def _under(title: str, kind: Any) -> Any:
    option = copy(kind.__metadata__[0])
    option.rich_help_panel = title
    return Annotated[kind.__origin__, option]


def _is_flag(kind: Any) -> bool:
    return kind.__origin__ is bool
