"""What a model says of samples one by one, and how the command writes it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from conftest import blobs, chain

from registry.errors import ZooError
from transfer.data.arrays.feed import ArrayFeed
from transfer.data.arrays.samples import ArraySamples
from transfer.inputs import ModelInput
from transfer.predictions import Prediction, predictions
from zoo.predicting import form_of

Zoo = Callable[..., Any]
X, _ = blobs(9)
NAMES = ("cat", "dog", "owl", "yak")


def said(model: Any, kind: str = "class", classes: tuple[str, ...] = NAMES, most: int = 5) -> list[Prediction]:
    samples = ArraySamples.of(X, "x.npy")
    return list(predictions(model, ArrayFeed(samples, (ModelInput("X", (8,)),), None), samples, kind, classes, most))


def above(source: Any, *layers: Any) -> Any:
    tensor = source.outputs[0]
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(source.inputs[0], tensor)


def test_logits_become_probabilities_and_probabilities_stay() -> None:
    logits = chain()
    expected = keras.ops.softmax(logits(X)).numpy()
    for model in (logits, above(logits, keras.layers.Softmax())):
        found = said(model, most=4)
        assert [one.sample for one in found] == [f"x.npy, row {row}" for row in range(9)]
        assert [one.label for one in found] == [NAMES[place] for place in expected.argmax(axis=1)]
        for one, shares in zip(found, expected, strict=True):
            assert (one.kind, one.probability) == ("class", one.top[0][1])
            assert one.label == one.top[0][0]
            assert dict(one.top) == pytest.approx(dict(zip(NAMES, shares, strict=True)), abs=1e-5)
            assert [share for _, share in one.top] == sorted((share for _, share in one.top), reverse=True)


def test_so_many_classes_are_named() -> None:
    assert {len(one.top) for one in said(chain(), most=2)} == {2}
    assert {len(one.top) for one in said(chain(), most=9)} == {4}
    assert {one.label for one in said(chain(), classes=())} <= {"0", "1", "2", "3"}
    assert {one.label for one in said(chain(), classes=("a",))} <= {"0", "1", "2", "3"}, "names that do not fit"


def test_large_logits_do_not_overflow() -> None:
    far = above(chain(), keras.layers.Rescaling(1e5))
    for kind in ("class", "multilabel"):
        for one in said(far, kind):
            assert all(0 <= share <= 1 for _, share in one.top)


@pytest.mark.parametrize("squashed", [False, True])
def test_several_labels_are_those_above_one_half(squashed: bool) -> None:
    source = chain()
    shares = keras.ops.sigmoid(source(X)).numpy()
    assert (shares > 0.5).any() and (shares < 0.5).any()
    for one, row in zip(said(above(source, keras.layers.Activation("sigmoid")) if squashed else source, "multilabel"),
                        shares, strict=True):  # fmt: skip
        named = [place for place in np.argsort(-row) if row[place] > 0.5]
        assert one.label == ",".join(NAMES[place] for place in named)
        assert one.probability == (pytest.approx(row[named[-1]], abs=1e-5) if named else None)
        assert dict(one.top) == pytest.approx(dict(zip(NAMES, row, strict=True)), abs=1e-5)


def test_numbers_are_as_they_are() -> None:
    source = chain()
    for one, row in zip(said(source, "number"), source(X).numpy(), strict=True):
        assert (one.label, one.probability) == ("", None)
        assert [name for name, _ in one.top] == list(NAMES)
        assert [value for _, value in one.top] == pytest.approx(row.tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("form", "output", "expected"),
    [
        (None, None, "table"), (None, "p.csv", "csv"), (None, "p.JSONL", "jsonl"), ("csv", None, "csv"),
        ("jsonl", "p.csv", "jsonl"), ("table", None, "table"),
    ],
)  # fmt: skip
def test_forms(form: str | None, output: str | None, expected: str) -> None:
    assert form_of(form, Path(output) if output else None) == expected


def test_outputs_of_arrays_may_be_written_as_they_are() -> None:
    assert form_of(None, Path("p.npy"), arrays=True) == form_of("table", Path("p.npz"), arrays=True) == "table"


@pytest.mark.parametrize(
    ("form", "output", "arrays", "message", "hint"),
    [
        ("xml", None, False, "--format takes table, csv, jsonl; got 'xml'", ""),
        (None, "p.txt", True, "--output p.txt has an ending that says no format", "FILE.csv, FILE.jsonl or FILE.npy"),
        ("csv", "p.npy", True, "--format csv does not fit --output p.npy", "--output p.csv"),
        (None, "p.npy", False, "--output p.npy cannot be written: a table is printed", "--output p.csv"),
        ("table", "p.csv", False, "--output p.csv cannot be written: a table is printed", "without --format"),
        ("table", "p.csv", True, "--output p.csv cannot be written: a table is printed", "without --format"),
    ],
)
def test_forms_that_do_not_fit(form: str | None, output: str | None, arrays: bool, message: str, hint: str) -> None:
    with pytest.raises(ZooError) as caught:
        form_of(form, Path(output) if output else None, arrays=arrays)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.fixture
def unlabelled(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "new.h5", "w") as file:
        file["x"] = np.concatenate([X] * 3)
    return tmp_path / "new.h5"


def test_the_command_prints_a_table_and_says_how_many_more(zoo_command: Zoo, tiny: str, unlabelled: Path) -> None:
    page = zoo_command("predict", tiny, "--input", unlabelled)
    lines = page.splitlines()
    assert lines[0].split() == ["SAMPLE", "CLASS", "PROBABILITY", "THEN"]
    assert lines[1].startswith(f"{unlabelled}: x, row 0 ")
    assert lines[-1] == "and 7 more (--output FILE.csv writes all)"
    document = zoo_command("predict", tiny, "--input", unlabelled, "--json", "--top", "2")
    assert (document["count"], len(document["predictions"])) == (27, 27)
    first = document["predictions"][0]
    assert set(first) == {"sample", "class", "probability", "top"}
    assert first["top"][0] == {"class": first["class"], "probability": first["probability"]}
    assert len(first["top"]) == 2


def test_csv_and_json_lines_hold_the_same(zoo_command: Zoo, tiny: str, unlabelled: Path, tmp_path: Path) -> None:
    words = ("predict", tiny, "--input", unlabelled, "--top", "3")
    text = zoo_command(*words, "--format", "csv")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == [
        "sample", "class", "probability", "class1", "probability1", "class2", "probability2", "class3", "probability3",
    ]  # fmt: skip
    assert len(rows) == 28
    lines = [json.loads(line) for line in zoo_command(*words, "--format", "jsonl").splitlines()]
    assert [line["sample"] for line in lines] == [row[0] for row in rows[1:]]
    for line, row in zip(lines, rows[1:], strict=True):
        assert (line["class"], f"{line['probability']:.6f}") == (row[1], row[2])
        assert [f"{one['class']} {one['probability']:.6f}" for one in line["top"]] == [
            f"{name} {share}" for name, share in zip(row[3::2], row[4::2], strict=True)
        ]
    for ending, wanted in (("csv", text), ("jsonl", zoo_command(*words, "--format", "jsonl"))):
        path = tmp_path / f"p.{ending}"
        assert zoo_command(*words, "--output", path) == f"wrote 27 to {path}\n"
        assert path.read_text(encoding="utf-8") == wanted
        assert zoo_command(*words, "--output", path, "--json") == {"path": str(path), "count": 27}


def test_arrays_may_be_written_sample_by_sample_too(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", x=X)
    texts = [
        zoo_command("predict", tiny, "--input", tmp_path / f"x.{end}", "--format", "csv") for end in ("npy", "npz")
    ]
    rows = [list(csv.reader(io.StringIO(text))) for text in texts]
    assert rows[0][1][0] == f"{tmp_path / 'x.npy'}, row 0"
    assert [row[1:] for row in rows[0]] == [row[1:] for row in rows[1]]
    assert zoo_command("predict", tiny, "--input", tmp_path / "x.npy", "--output", tmp_path / "p.csv").startswith(
        "wrote 9"
    )
    assert (tmp_path / "p.csv").read_text() == texts[0]


def test_a_file_appears_whole_or_not_at_all(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        file["x_train"], file["x_test"] = X, X[:, :5]
    for output in ("p.csv", "p.jsonl"):
        zoo_command("predict", tiny, "--input", tmp_path / "bad.h5", "--output", tmp_path / output, code=1)
        assert "samples of shape (5,); the model expects (8)" in zoo_command.err  # type: ignore[attr-defined]
    assert [path.name for path in tmp_path.glob("*p.*")] == []
    zoo_command("predict", tiny, "--input", tmp_path / "bad.h5", "--output", tmp_path / "no" / "p.csv", code=1)
    assert "cannot write" in zoo_command.err  # type: ignore[attr-defined]


def test_lines_come_as_they_are_computed(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first batch's predictions are out before the second batch is computed."""
    import transfer.extract
    from zoo.predicting import predicted, write

    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X
    monkeypatch.setattr(transfer.extract, "MAX_BATCH", 4)
    rows = predicted(tiny, str(tmp_path / "x.h5"), {})
    out = tmp_path / "p.jsonl"

    def watched() -> Any:
        for number, row in enumerate(rows):
            (partial,) = [path for path in tmp_path.iterdir() if "p.jsonl" in path.name]
            assert len(partial.read_text().splitlines()) == number
            yield row

    assert write(watched(), "jsonl", out) == 9


def test_an_output_that_is_no_number_is_named() -> None:
    model = above(chain(), keras.layers.Rescaling(1e38), keras.layers.Rescaling(1e38))
    with pytest.raises(ZooError, match=r"the model's output for x\.npy, row 0 is not finite"):
        said(model)


def test_options_that_arrays_do_not_take(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    zoo_command("predict", tiny, "--input", tmp_path / "x.npy", "--image-size", "8", code=1)
    assert "--image-size has nothing to do with arrays" in zoo_command.err


@pytest.mark.parametrize(
    "keys", [("x", "y"), ("images", "labels"), ("x_train", "y_train", "x_test", "y_test"), ("x",), ("one", "other")]
)
def test_arrays_with_the_keys_of_data_are_data(
    keys: tuple[str, ...], zoo_command: Zoo, tiny: str, tmp_path: Path
) -> None:
    labels = np.arange(9) % 3
    np.savez(tmp_path / "d.npz", **{key: X if number % 2 == 0 else labels for number, key in enumerate(keys)})
    words = ("predict", tiny, "--input", tmp_path / "d.npz")
    page = zoo_command(*words).splitlines()
    assert page[0].split() == ["SAMPLE", "CLASS", "PROBABILITY", "THEN"]
    found = zoo_command(*words, "--json")
    assert found["count"] == 9 * len([key for key in keys if not key.startswith(("y", "labels", "other"))])
    lines = [json.loads(line) for line in zoo_command(*words, "--format", "jsonl").splitlines()]
    assert found["predictions"] == lines
    zoo_command(*words, "--output", tmp_path / "p.npy", code=1)
    assert "--output" in zoo_command.err and "p.npy cannot be written: a table is printed" in zoo_command.err


def test_arrays_for_a_models_inputs_give_its_outputs(zoo_command: Zoo, tiny: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", X=X, labels=np.arange(9) % 3)
    outputs = [zoo_command("predict", tiny, "--input", tmp_path / f"x.{end}", "--json") for end in ("npy", "npz")]
    assert outputs[0] == outputs[1] and np.shape(outputs[0]["outputs"]) == (9, 4)
    assert zoo_command("predict", tiny, "--input", tmp_path / "x.npz").startswith("ROW")


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (
            "nothere",
            "there are no data at nothere",
            "--input takes an image, an .npy file, a folder of images, a table",
        ),
        ("no.png", "there are no data at no.png", "--input takes an image, an .npy file, a folder of images, a table"),
        ("no.npy", "there is no file no.npy", "--input takes an .npy file, or an .npz with an array for each of the"),
        ("no.npz", "there is no file no.npz", "--input takes an .npy file, or an .npz with an array for each of the"),
        ("odd.pdf", "odd.pdf is no kind of data that is known by its name", "--input takes an image, an .npy file, a"),
        ("odd.npz", "the samples have no array for the input X; they have one", "the model takes X (8) float32"),
        ("broken.npz", "broken.npz is no readable .npz file", "copy or download it again"),
    ],
)
def test_input_that_is_none(
    name: str, message: str, hint: str, zoo_command: Zoo, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("odd.npz", one=X)
    for broken in ("odd.pdf", "broken.npz"):
        Path(broken).write_text("no")
    zoo_command("predict", tiny, "--input", name, code=1)
    assert f"error: {message}" in zoo_command.err
    assert f"hint: {hint}" in zoo_command.err
