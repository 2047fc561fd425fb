"""A genuine estimator: guesslang's 2021 SavedModel, text in, 54 programming languages out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from packages import package

from registry.errors import ZooError
from transfer.importers import savedmodel

INPUTS = (
    "dnn/input_from_feature_columns/input_layer/content_embedding_1/Reshape:0",
    "linear/linear_model/linear/linear_model/linear/linear_model/weighted_sum:0",
)


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest) -> Path:
    return next(package(request, "guesslang==2.2.1").rglob("saved_model.pb")).parent


def test_text_is_refused_naming_the_first_numbers(folder: Path) -> None:
    with pytest.raises(ZooError) as caught:
        savedmodel.read(folder)
    assert caught.value.message == (
        "the signature serving_default takes text (Placeholder): a model to learn from starts from numbers"
    )
    assert caught.value.hint == (f"start from the first tensors of numbers behind the text: --input {','.join(INPUTS)}")


def test_from_the_first_numbers_on_all_is_native(folder: Path) -> None:
    found = savedmodel.read(folder, input=",".join(INPUTS))
    assert [(layer.scope, layer.type, layer.parameters) for layer in found.layers] == [
        ("dnn/hiddenlayer_0", "Dense", 36352),
        ("dnn/hiddenlayer_1", "Dense", 16416),
        ("dnn/logits", "Dense", 1782),
        ("add", "Add", 0),
        ("head/predictions", "Activation", 0),
    ]
    assert [tuple(tensor.shape) for tensor in found.model.inputs] == [(None, 70), (None, 54)]
    assert found.max_rel_difference is not None and found.max_rel_difference <= 1e-4
    assert found.notes == ("the output classes (string) is left out: only float32 numbers are carried over",)
    assert found.unmapped["linear/linear_model/content/weights"] == "not needed by the output"
    made = np.asarray(found.model([np.ones((3, 70), np.float32), np.zeros((3, 54), np.float32)]))
    np.testing.assert_allclose(made.sum(1), 1, rtol=1e-5)


def test_the_deep_half_alone_has_one_input(folder: Path) -> None:
    found = savedmodel.read(folder, input=INPUTS[0], output="dnn/logits/BiasAdd")
    assert found.native_share == 1.0
    assert tuple(found.model.outputs[0].shape) == (None, 54)
    with pytest.raises(ZooError) as caught:
        savedmodel.read(folder, input=INPUTS[0])
    assert set(caught.value.hint.partition("--input ")[2].split(",")) == set(INPUTS)
