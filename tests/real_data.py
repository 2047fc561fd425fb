"""Real data as people have it lying there: scikit-learn's digits as image files and arrays, and nets small enough."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIDE = 16
PER_CLASS = 20
OTHERS = 60  # the digits of each class from here on are those that the nets have seen
# A phase, as short as it can be: its figures are not the point.
QUICK = ("--unfreeze", "none", "--no-compare-scratch", "--epochs", "30", "--lr", "0.01", "--dropout", "0")


def digits(per_class: int = PER_CLASS, classes: int = 10, skip: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return handwritten digits `(n, 16, 16) uint8`, class by class, and what each is."""
    import sklearn.datasets

    data = sklearn.datasets.load_digits()
    rows = np.concatenate([np.flatnonzero(data.target == digit)[skip:][:per_class] for digit in range(classes)])
    grey = np.clip(data.images[rows] * 16, 0, 255).astype(np.uint8)
    return grey.repeat(2, axis=1).repeat(2, axis=2), data.target[rows].astype(np.int64)


def save(pixels: np.ndarray, path: Path) -> Path:
    """Write an image in the format of the path's suffix, and the folders above it."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def digit_folder(root: Path, per_class: int = PER_CLASS, classes: int = 10, skip: int = 0) -> Path:
    """Write digits as files, a folder a class: `root/3/3-07.png`."""
    for number, (pixels, digit) in enumerate(zip(*digits(per_class, classes, skip), strict=True)):
        save(pixels, root / str(digit) / f"{digit}-{number % per_class:02}.png")
    return root


def digit_table(folder: Path, per_class: int = PER_CLASS, classes: int = 10) -> Path:
    """Write digits as files, and `images.csv` beside them: path, digit, whether it is even and large, and a writer."""
    lines = ["path,digit,even,large,writer"]
    for number, (pixels, digit) in enumerate(zip(*digits(per_class, classes), strict=True)):
        name = save(pixels, folder / "files" / f"{number:03}.png").name
        lines.append(f"files/{name},{digit},{int(digit % 2 == 0)},{int(2 * digit >= classes)},w{number % 7}")
    table = folder / "images.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


def conv_net(shape: tuple[int | None, ...] = (SIDE, SIDE, 3), outputs: int = 10) -> Any:
    """A net of two convolutions with global pooling, of random weights: it takes images of any size."""
    import keras

    here = keras.layers
    keras.utils.set_random_seed(3)
    image = keras.Input(shape, name="image")
    hidden = here.Conv2D(16, 3, activation="relu", padding="same", name="block1>conv")(image)
    hidden = here.MaxPooling2D(2, name="block1>pool")(hidden)
    hidden = here.Conv2D(32, 3, activation="relu", padding="same", name="block2>conv")(hidden)
    hidden = here.GlobalMaxPooling2D(name="pool")(hidden)
    return keras.Model(image, here.Dense(outputs, name="head")(hidden), name="net")


def flat_net(outputs: int = 10) -> Any:
    """A net that flattens its image, so that it takes one size only."""
    import keras

    here = keras.layers
    keras.utils.set_random_seed(3)
    image = keras.Input((SIDE, SIDE, 3), name="image")
    hidden = here.Conv2D(4, 3, activation="relu", name="block>conv")(image)
    return keras.Model(image, here.Dense(outputs, name="head")(here.Flatten(name="flat")(hidden)), name="flat-net")


def dense_net(width: int, outputs: int = 3) -> Any:
    """A net for so many numbers."""
    import keras

    here = keras.layers
    keras.utils.set_random_seed(3)
    given = keras.Input((width,), name="row")
    hidden = here.Dense(16, "relu", name="hidden1")(given)
    hidden = here.Dense(16, "relu", name="hidden2")(hidden)
    return keras.Model(given, here.Dense(outputs, name="outputs")(hidden), name="rows")


def trained(model: Any) -> Any:
    """Train a net for a few seconds on the digits that no test uses."""
    import keras

    x, y = digits(per_class=200, skip=OTHERS)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss)
    model.fit(np.repeat(x[..., None] / 255, 3, axis=-1), y, 64, epochs=12, verbose=0)
    return model


def published(model: Any, name: str, folder: Path, how: Any = None) -> str:
    """Publish a net to this test's catalogue; `how` says what becomes of raw samples."""
    from registry.shelf import Shelf
    from registry.spot import Spot
    from transfer.draft import draft

    folder.mkdir(parents=True)
    shape = tuple(size or 8 for size in model.input.shape[1:])
    samples = np.random.default_rng(0).random((4, *shape), np.float32)
    card = replace(draft(model, folder / "model.keras", samples, preprocessing=how), name=name)
    Shelf().publish(card, folder, Spot(name))
    return name


def publish_nets(folder: Path) -> None:
    """Publish `net`, which has seen other digits, `flat`, which takes one size, `rows-4` and `rows-13` for rows."""
    from registry.card import Preprocessing

    unit = Preprocessing((SIDE, SIDE, 3), "uint8", 1 / 255)
    published(trained(conv_net()), "net", folder / "net", unit)
    published(flat_net(), "flat", folder / "flat", unit)
    for width in (4, 13):
        published(dense_net(width), f"rows-{width}", folder / f"rows-{width}")


@pytest.fixture(scope="session")
def home_with_nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the nets of `publish_nets`; copied, never used."""
    folder = tmp_path_factory.mktemp("nets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(folder / "home"))
        publish_nets(folder / "files")
    return folder / "home"


@pytest.fixture
def nets(home_with_nets: Path, zoo_home: Path) -> Path:
    """This test's home, with the nets of `home_with_nets`."""
    shutil.copytree(home_with_nets, zoo_home)
    return zoo_home
