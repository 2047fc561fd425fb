"""How images are given to a model, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from transfer.augment import parse_augment
from transfer.plan.checks import check, one_of

VIEWS = 8
RESIZES = ("stretch", "crop", "pad")


@dataclass(frozen=True)
class Imaging:
    """How images are given to the model.

    Attributes:
        size: height and width in pixels; None takes the images' own where they have one and the model allows it, else
            the model's.
        resize: how images of other sizes are brought to that: `stretch`, `crop` or `pad`; None as the card says.
        preprocess: how pixels become numbers (`transfer.preprocessing`); empty as the card says.
        augment: random changes in training (`transfer.augment`), such as `flip,crop`; empty for none.
        views: how many versions of an image are cached for the layers above a cut, each but the first changed at
            random; None is 8 where there is something to change, else 1.
    """

    size: tuple[int, int] | None = None
    resize: str | None = None
    preprocess: str = ""
    augment: str = ""
    views: int | None = None

    def __post_init__(self) -> None:
        check(self.size is None or all(0 < side <= 4096 for side in self.size), "--image-size wants 1 to 4096 pixels")
        one_of("--resize", self.resize, RESIZES)
        check(self.views is None or 1 <= self.views <= 1000, f"--views must be 1 to 1000, got {self.views}")
        check(not self.views or bool(self.augment), "--views wants to know what changes: add --augment flip,crop")
        if self.augment:
            parse_augment(self.augment)

    @property
    def recorded(self) -> int:
        """How many views of a training image are cached."""
        return self.views or (VIEWS if self.augment else 1)
