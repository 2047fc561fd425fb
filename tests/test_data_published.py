"""Training and predicting prepare samples alike: what is published says the same in plain Keras, of raw samples."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
from made_tables import people, write
from PIL import Image
from real_data import QUICK, conv_net, dense_net, digit_folder, digits, published

import zoo
from registry.card import Preprocessing
from registry.shelf import Shelf
from transfer.raw_table import takes_rows

Zoo = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("nets")
IMAGES = """
import json, sys, keras, numpy as np
from pathlib import Path
from PIL import Image
said = {}
for name, place in (word.split("=", 1) for word in sys.argv[2:]):
    model = keras.saving.load_model(f"{place}/model.keras", safe_mode=True)
    for path in sorted(Path(sys.argv[1]).iterdir()):
        x = np.asarray(Image.open(path).convert("RGB"))[np.newaxis]
        said[f"{name} {path}"] = keras.ops.softmax(model(x)).numpy()[0].tolist()
assert not {"zoo", "registry", "transfer"} & set(sys.modules)
print(json.dumps(said))
"""
ROWS = """
import csv, datetime, json, sys, keras, numpy as np, tensorflow as tf
model = keras.saving.load_model(f"{sys.argv[2]}/model.keras", safe_mode=True)
rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))
days = lambda text: (datetime.datetime.fromisoformat(text) - datetime.datetime(1970, 1, 1)).total_seconds() / 86400
def column(name, dtype):
    if dtype == "string":
        return tf.constant([[row[name]] for row in rows])
    read = days if name in ("since", "seen") else float
    return tf.constant([[read(row[name]) if row[name] else np.nan] for row in rows], tf.float32)
given = {name: column(name, tensor.dtype) for name, tensor in model.input.items()}
assert not {"zoo", "registry", "transfer"} & set(sys.modules)
print(json.dumps(keras.ops.softmax(model(given)).numpy().tolist()))
"""


def plain(script: str, *words: object) -> Any:
    """Run a script in a Python that knows none of our packages."""
    command = [sys.executable, "-P", "-c", script, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def drawings(folder: Path, count: int) -> Path:
    """Draw digits and noise of any size, grey, with a palette or of colours, as PNG and JPEG."""
    folder.mkdir()
    draws = np.random.default_rng(11)
    grey, _ = digits(4)
    for number in range(count):
        height, width = (int(size) for size in draws.integers(3, 60, 2))
        noise = draws.integers(0, 256, (height, width, 3), np.uint8)
        image = Image.fromarray(noise if number % 3 else grey[number])
        image = image.convert(["RGB", "L", "P"][number % 3 if number % 2 else 0])
        image.save(folder / f"{number:02}.{'png' if number % 2 else 'jpg'}")
    return folder


CASES: dict[str, tuple[Preprocessing | None, tuple[str, ...]]] = {
    "stretch": (None, ("--resize", "stretch")),
    "crop": (Preprocessing((16, 16, 3), "uint8", (0.02, 0.03, 0.04), (-2.0, -1.5, -1.0)), ("--resize", "crop")),
    "pad": (None, ("--resize", "pad", "--image-size", "40x24", "--preprocess", "caffe")),
}


def test_images_of_any_size_and_format(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits", 6, 3)
    new, places = drawings(tmp_path / "new", 24), []
    for name, (how, words) in CASES.items():
        source = published(conv_net(), f"source-{name}", tmp_path / name, how) if how else "net"
        made = ("--reuse", "block.*", *QUICK, *words, "--publish-as", name, "-q")
        zoo_command("transfer", source, "--data", data, *made)
        places.append(f"{name}={Shelf().folder(zoo.show(name))}")
    assert zoo.show("pad").card.preprocessing.channels == "bgr"
    raw = plain(IMAGES, new, *places)
    for name in CASES:
        found = zoo_command("predict", name, "--input", new, "--top", "3", "--json")["predictions"]
        assert len(found) == 24
        for one in found:
            shares = {each["class"]: each["probability"] for each in one["top"]}
            got = [shares[digit] for digit in "012"]
            np.testing.assert_allclose(got, raw[f"{name} {one['sample']}"], rtol=0, atol=2e-6, err_msg=one["sample"])


def test_what_was_scored_is_what_plain_keras_says(zoo_command: Zoo, tmp_path: Path) -> None:
    data = digit_folder(tmp_path / "digits" / "train", 8, 3).parent
    for split, skip in {"valid": 8, "test": 12}.items():
        digit_folder(data / split, 4, 3, skip)
    words = ("--reuse", "block.*", *QUICK, "--publish-as", "mine", "--json")
    done = zoo_command("transfer", "net", "--data", data, *words)
    for digit in "012":
        raw = plain(IMAGES, data / "test" / digit, f"mine={Shelf().folder(zoo.show('mine'))}")
        share = np.mean([np.argmax(shares) == int(digit) for shares in raw.values()])
        assert share == done["test"]["per_class"][digit]


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_numbers_categories_and_dates(seed: int, zoo_command: Zoo, tmp_path: Path) -> None:
    table = people(120)
    order = np.random.default_rng(seed).permutation(len(table))
    train = write(table.take(order[:80]), tmp_path / "train.csv")
    new = write(table.take(order[80:]).drop_columns(["bought"]), tmp_path / "new.csv")
    published(dense_net(17), "rows", tmp_path / "rows")
    words = ("--target", "bought", "--reuse", "hidden1", *QUICK, "--publish-as", "mine", "-q")
    zoo_command("transfer", "rows", "--data", train, *words)
    folder = Shelf().folder(zoo.show("mine"))
    assert takes_rows(keras.saving.load_model(folder / "model.keras", compile=False))
    raw = plain(ROWS, new, folder)
    found = zoo_command("predict", "mine", "--input", new, "--json")["predictions"]
    got = [[{each["class"]: each["probability"] for each in one["top"]}[name] for name in "01"] for one in found]
    assert len(got) == 40
    np.testing.assert_allclose(got, raw, rtol=0, atol=2e-6)


def test_a_model_of_rows_is_evaluated_exported_and_reused(zoo_command: Zoo, tmp_path: Path) -> None:
    table = people(120)
    data = write(table, tmp_path / "people.parquet")
    published(dense_net(17), "rows", tmp_path / "rows")
    words = ("--target", "bought", "--reuse", "hidden1", *QUICK)
    zoo_command("transfer", "rows", "--data", data, *words, "--publish-as", "mine", "-q")
    # The columns' statistics are the first run's, also where the second has other training rows.
    some = write(table.take(pa.array(range(60))), tmp_path / "some.parquet")
    zoo_command("transfer", "mine", "--data", some, *words, "--publish-as", "again", "-q")
    assert zoo.show("again").card.columns == zoo.show("mine").card.columns
    assert zoo_command("verify", "--json")["ok"]
