"""What of a trunk another runtime has to compute: each tensor once, and no input that is passed through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from registry.errors import ZooError
from transfer.backbone import up_to
from transfer.inputs import Arrays


@dataclass(frozen=True)
class Ends:
    """A trunk without what needs no computing.

    Attributes:
        model: from the inputs that are read to every tensor that is made, each once.
        reads: the places of its inputs among the trunk's.
        places: for each of the trunk's outputs whether it is made, and its place among what is, or among the inputs.
    """

    model: Any
    reads: tuple[int, ...]
    places: tuple[tuple[bool, int], ...]

    @classmethod
    def of(cls, trunk: Any) -> Ends:
        """Look at a trunk.

        Raises:
            ZooError: all its outputs are inputs.
        """
        given = {id(tensor): place for place, tensor in enumerate(trunk.inputs)}
        made = {id(tensor): tensor for tensor in trunk.outputs if id(tensor) not in given}
        if not made:
            raise ZooError("there is nothing to compute: all that is asked for are inputs")
        order = {key: place for place, key in enumerate(made)}
        model = up_to(trunk, list(made.values()))
        places = [(key in made, order[key] if key in made else given[key]) for key in map(id, trunk.outputs)]
        return cls(model, tuple(given[id(tensor)] for tensor in model.inputs), tuple(places))

    def read(self, batch: Arrays) -> list[Any]:
        """Return what the model reads of a batch."""
        return [batch[place] for place in self.reads]

    def spread(self, batch: Arrays, made: Sequence[Any]) -> Arrays:
        """Return the trunk's outputs, of a batch and of what was made of it."""
        return tuple(made[place] if computed else batch[place] for computed, place in self.places)
