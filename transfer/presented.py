"""How a data set's samples become a model's input: at which size, by which arithmetic, from which columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from registry.card import Preprocessing
from registry.columns import Column
from registry.errors import ZooError
from transfer.backbone import Backbone
from transfer.data.arrays.feed import ArrayFeed
from transfer.data.arrays.pictures import is_image
from transfer.data.arrays.samples import ArraySamples
from transfer.data.dataset import Array
from transfer.data.images.decode import DECODING
from transfer.data.images.feed import ImageFeed
from transfer.data.images.samples import EncodedImages, ImageSamples
from transfer.data.images.sound import image_sizes
from transfer.data.records import Samples
from transfer.data.tables.samples import TableSamples
from transfer.feeding import Feed
from transfer.inputs import ModelInput
from transfer.own_scaling import own_scaling
from transfer.plan.imaging import Imaging
from transfer.preparer import batch_preparer
from transfer.preprocessing import STATE, parse_preprocessing
from transfer.resized import at_size

SMALLEST = 32  # pixels a side: what the stages of an image model divide it by, all together
Size = tuple[int, int]
Encoded = ImageSamples | EncodedImages


def to_train(source: Backbone, samples: Samples, imaging: Imaging) -> Backbone:
    """Return a backbone as it is to be trained on samples: at the one size of their images where it can be.

    A table's columns are encoded as in the source, which knows what they are; of one that does not, by these samples.

    Args:
        source: as the catalogue has it.
        samples: those of training.
        imaging: what the user says of images.

    Raises:
        ZooError: as `fitted`.
    """
    if isinstance(samples, TableSamples):
        _check_no_images(samples, imaging)
        return source if source.columns else replace(source, columns=_columns(samples))
    own = None if imaging.size else _own_size(samples, source)
    return fitted(_at(source, own) if own else source, samples, imaging)


def fitted(source: Backbone, samples: Samples, imaging: Imaging) -> Backbone:
    """Return a backbone as it takes samples to be scored or predicted: at its own size, unless the user says another.

    Args:
        source: as the catalogue has it.
        samples: what it is to take.
        imaging: what the user says of images.

    Raises:
        ZooError: it cannot take the size asked for; or the samples are rows and its card names no columns.
    """
    if isinstance(samples, TableSamples):
        _check_no_images(samples, imaging)
        if not source.columns:
            raise ZooError(
                f"{samples.path} is a table; how its columns become the model's input, the model's card does not say",
                "give encoded rows as an .npy file of float32",
            )
        return source
    source = _asked(source, imaging.size) if imaging.size else source
    if imaging.preprocess:
        source = replace(source, preprocessing=parse_preprocessing(imaging.preprocess, source.input_shape))
    return _resizing(source, samples, imaging)


def feed_of(source: Backbone, takes: Sequence[ModelInput], samples: Samples, where: str) -> Feed:
    """Return samples as a model takes them.

    Args:
        source: the backbone that `fitted` made: its card says how samples become its input.
        takes: the inputs of the model itself, which may be fewer.
        samples: of any kind.
        where: what they are called in an error.

    Raises:
        ZooError: the model takes no such samples.
    """
    how = source.preprocessing
    if isinstance(samples, TableSamples):
        from transfer.data.tables.feed import TableFeed  # with it comes PyArrow, which other samples do without

        return TableFeed(samples, source.columns, takes)
    if isinstance(samples, Encoded):
        return _images(samples, source, takes, where)
    if not isinstance(samples, ArraySamples):
        raise ZooError(f"{where} are {type(samples).__name__}, which no model takes")
    resize = batch_preparer(how) if how is not None and how.resize else None
    return ArrayFeed(replace(samples, called=where), tuple(takes), how, resize)


def remarks(feed: Feed) -> tuple[str, ...]:
    """Say what of samples does not reach the model as it lies there, such as a category that training did not have."""
    from transfer.data.tables.feed import TableFeed

    return feed.remarks if isinstance(feed, TableFeed) else ()


def preparation(source: Backbone) -> str:
    """Say, for a cache's key, all that turns samples into the model's input."""
    how = source.preprocessing and replace(source.preprocessing, embedded=False)
    return f"{how!r} {source.columns!r} {source.inputs!r} {DECODING}"


def _check_no_images(samples: TableSamples, imaging: Imaging) -> None:
    if imaging.size or imaging.resize or imaging.preprocess or imaging.augment:
        raise ZooError(
            f"{samples.path} is a table: --image-size, --resize, --preprocess and --augment are of images",
            "leave them out, or say which column names the images: --image-column NAME",
        )


def _columns(samples: TableSamples) -> tuple[Column, ...]:
    from transfer.data.tables.columns import fit_columns

    return fit_columns(samples.table, samples.names, samples.index, str(samples.path)).columns


def _own_size(samples: Samples, source: Backbone) -> Size | None:
    """Return the one size that all images have, where the model takes images of another or of any; else None."""
    shape = source.input_shape
    found = _sizes(samples) if len(shape) == 3 else set()
    if len(found) != 1 or found == {shape[:2]}:
        return None
    (size,) = found
    return size if min(size) >= SMALLEST or None in shape[:2] else None


def _sizes(samples: Samples) -> set[Size]:
    if isinstance(samples, Encoded):
        return set(image_sizes(samples))
    if isinstance(samples, ArraySamples) and samples.single and len(samples):
        array = samples.take(np.arange(1))
        if not isinstance(array, Mapping) and is_image(array):
            return {(array.shape[1], array.shape[2])}
    return set()


def _asked(source: Backbone, size: Size) -> Backbone:
    """Return the backbone at the size that the user asked for."""
    shape = source.input_shape
    if len(shape) != 3:
        raise ZooError(f"the model takes samples {shape}: --image-size has nothing to choose")
    return source if shape[:2] == size else _resized(source, size)


def _at(source: Backbone, size: Size) -> Backbone:
    """Return the backbone at the images' own size; where it cannot have it, as it is."""
    try:
        return _resized(source, size)
    except ZooError:
        return source


def _resized(source: Backbone, size: Size) -> Backbone:
    shape = (*size, source.input_shape[2] or 3)
    how = source.preprocessing and replace(source.preprocessing, shape=shape)
    return replace(source, model=at_size(source.model, shape), preprocessing=how)


def _resizing(source: Backbone, samples: Samples, imaging: Imaging) -> Backbone:
    """Let the preprocessing say how images of other sizes are brought to the model's."""
    how, found = source.preprocessing, _sizes(samples)
    if how is None or not found or len(how.shape) not in (2, 3):
        return source
    if not imaging.resize and found == {how.shape[:2]} and not isinstance(samples, Encoded):
        return source
    return replace(source, preprocessing=replace(how, resize=imaging.resize or how.resize or "stretch"))


def _images(samples: Encoded, source: Backbone, takes: Sequence[ModelInput], where: str) -> Feed:
    how = source.preprocessing
    if how is None:
        own = own_scaling(source.model)
        raise ZooError(
            f"{where} are images and the model's card does not say how they become its input",
            own.advice if own else f"say it: {STATE}",
        )
    if len(takes) != 1 or len(how.shape) not in (2, 3):
        raise ZooError(f"{where} are images; the model takes {', '.join(map(str, takes))}")
    shape = tuple(size or known for size, known in zip(takes[0].shape, _open(takes[0], how), strict=True))
    prepare = _Shaped(batch_preparer(how), shape)
    colours = how.shape[2] if len(how.shape) == 3 else 1
    return ImageFeed(samples, prepare.one, prepare, channels=colours, shape=shape)


@dataclass(frozen=True)
class _Shaped:
    """Prepares images `(n, h, w, c)` as the model's input has them: `(n, *shape)`."""

    batch: Callable[[Array], Array]
    shape: tuple[int, ...]

    def __call__(self, images: Array) -> Array:
        return self.batch(images).reshape(len(images), *self.shape)

    def one(self, image: Array) -> Array:
        """Prepare a single image `(h, w, c)`."""
        found: Array = self(image[np.newaxis])[0]
        return found


def _open(one: ModelInput, how: Preprocessing) -> tuple[int, ...]:
    return how.shape if len(how.shape) == len(one.shape) else (1,) * len(one.shape)
