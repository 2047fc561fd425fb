"""Whole Caffe nets in miniature, in every form that files state them, against OpenCV."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from caffe_models import arrays, caffemodel, input_layer, layer, snapshot, write

from registry.errors import ZooError
from transfer.importers.caffe.prototxt import parsed
from transfer.importers.caffe.reader import read
from transfer.importers.caffe.upgrade import upgraded

UNSTATED = "the files do not say how images become the input"


def conv(name: str, bottom: str, body: str) -> str:
    return layer(name, "Convolution", bottom, body=f"convolution_param {{ {body} }}")


def relu(name: str) -> str:
    return layer(f"relu_{name}", "ReLU", name, name)


def pool(name: str, bottom: str, body: str) -> str:
    return layer(name, "Pooling", bottom, body=f"pooling_param {{ {body} }}")


def dense(name: str, bottom: str, outputs: int) -> str:
    return layer(name, "InnerProduct", bottom, body=f"inner_product_param {{ num_output: {outputs} }}")


ALEX_BODY = (
    conv("conv1", "data", "num_output: 8 kernel_size: 5 stride: 2")
    + relu("conv1")
    + layer("norm1", "LRN", "conv1", body="lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")
    + pool("pool1", "norm1", "pool: MAX kernel_size: 3 stride: 2")
    + conv("conv2", "pool1", "num_output: 8 kernel_size: 3 pad: 1 group: 2")
    + relu("conv2")
    + dense("fc6", "conv2", 10)
    + relu("fc6")
    + layer("drop6", "Dropout", "fc6", "fc6", "dropout_param { dropout_ratio: 0.5 }")
    + dense("fc7", "fc6", 4)
)
ALEX = input_layer(10, 3, 23, 23) + ALEX_BODY + layer("prob", "Softmax", "fc7")
ALEX_SHAPES = {
    "conv1": [(8, 3, 5, 5), (8,)],
    "conv2": [(8, 4, 3, 3), (8,)],
    "fc6": [(10, 200), (10,)],
    "fc7": [(4, 10), (4,)],
}
INCEPTION = (
    input_layer(1, 6, 12, 12)
    + conv("a/1x1", "data", "num_output: 3 kernel_size: 1")
    + relu("a/1x1")
    + conv("a/3x3", "data", "num_output: 4 kernel_size: 3 pad: 1")
    + relu("a/3x3")
    + pool("a/pool", "data", "pool: MAX kernel_size: 3 stride: 1 pad: 1")
    + conv("a/pool_proj", "a/pool", "num_output: 2 kernel_size: 1")
    + layer("a/output", "Concat", "a/1x1 a/3x3 a/pool_proj")
    + pool("pool2", "a/output", "pool: MAX kernel_size: 3 stride: 2")
    + pool("pool5", "pool2", "pool: AVE kernel_size: 6 stride: 1")
    + dense("classifier", "pool5", 5)
    + layer("prob", "Softmax", "classifier")
)
INCEPTION_SHAPES = {
    "a/1x1": [(3, 6, 1, 1), (3,)],
    "a/3x3": [(4, 6, 3, 3), (4,)],
    "a/pool_proj": [(2, 6, 1, 1), (2,)],
    "classifier": [(5, 9), (5,)],
}
RES = (
    input_layer(1, 3, 16, 16)
    + conv("conv1", "data", "num_output: 6 kernel_size: 7 pad: 3 stride: 2 bias_term: false")
    + layer("bn1", "BatchNorm", "conv1", "conv1")
    + layer("scale1", "Scale", "conv1", "conv1", "scale_param { bias_term: true }")
    + relu("conv1")
    + pool("pool1", "conv1", "kernel_size: 3 stride: 2")
    + conv("res2", "pool1", "num_output: 6 kernel_size: 3 pad: 1 bias_term: false")
    + layer("bn2", "BatchNorm", "res2", "res2")
    + layer("scale2", "Scale", "res2", "res2", "scale_param { bias_term: true }")
    + layer("sum", "Eltwise", "pool1 res2")
    + relu("sum")
    + pool("pool5", "sum", "pool: AVE global_pooling: true")
    + dense("fc", "pool5", 3)
    + layer("prob", "Softmax", "fc")
)
NORM = [(6,), (6,), (1,)]
RES_SHAPES = {
    "conv1": [(6, 3, 7, 7)],
    "bn1": NORM,
    "scale1": [(6,), (6,)],
    "res2": [(6, 6, 3, 3)],
    "bn2": NORM,
    "scale2": [(6,), (6,)],
    "fc": [(3, 6), (3,)],
}
SQUEEZE = (
    input_layer(1, 3, 19, 19)
    + conv("conv1", "data", "num_output: 8 kernel_size: 3 stride: 2")
    + relu("conv1")
    + pool("pool1", "conv1", "kernel_size: 3 stride: 2")
    + conv("fire/squeeze1x1", "pool1", "num_output: 4 kernel_size: 1")
    + relu("fire/squeeze1x1")
    + conv("fire/expand1x1", "fire/squeeze1x1", "num_output: 5 kernel_size: 1")
    + conv("fire/expand3x3", "fire/squeeze1x1", "num_output: 5 kernel_size: 3 pad: 1")
    + layer("fire/concat", "Concat", "fire/expand1x1 fire/expand3x3")
    + layer("drop", "Dropout", "fire/concat", "fire/concat")
    + conv("conv10", "fire/concat", "num_output: 7 kernel_size: 1 pad: 1")
    + pool("pool10", "conv10", "pool: AVE global_pooling: true")
    + layer("prob", "Softmax", "pool10")
)
SQUEEZE_SHAPES = {
    "conv1": [(8, 3, 3, 3), (8,)],
    "fire/squeeze1x1": [(4, 8, 1, 1), (4,)],
    "fire/expand1x1": [(5, 4, 1, 1), (5,)],
    "fire/expand3x3": [(5, 4, 3, 3), (5,)],
    "conv10": [(7, 10, 1, 1), (7,)],
}
NETS = {
    "CaffeNet": (ALEX, ALEX_SHAPES, (None, 4)),
    "inception": (INCEPTION, INCEPTION_SHAPES, (None, 5)),
    "ResNet": (RES, RES_SHAPES, (None, 3)),
    "SqueezeNet": (SQUEEZE, SQUEEZE_SHAPES, (None, 1, 1, 7)),
}


@pytest.mark.parametrize("name", NETS)
def test_net_agrees_saves_and_loads(name, tmp_path):
    pytest.importorskip("cv2")
    prototxt, shapes, output = NETS[name]
    held = arrays(shapes)
    found = read(write(tmp_path, prototxt, held))
    assert found.compared_with.startswith("OpenCV 4.")
    assert found.max_rel_difference < 1e-5
    assert found.model.output_shape == output
    assert found.native_share == 1.0
    assert not found.unmapped
    sources = {source for one in found.layers for source in one.sources}
    assert sources == {f"{layer}/{place}" for layer, of in held.items() for place in range(len(of))}
    found.model.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras", compile=False, safe_mode=True)
    x = np.random.default_rng(1).random((2, *found.model.input_shape[1:]), np.float32)
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(found.model(x)))


def answer(path, **options):
    model = read(path, compare=False, **options).model
    return np.asarray(model(np.random.default_rng(1).random((2, *model.input_shape[1:]), np.float32)))


@pytest.mark.parametrize("options", [{"legacy": True}, {"kind": "double_data"}, {"kind": "raw"}])
def test_arrays_in_other_forms_are_the_same(options, tmp_path):
    held = arrays(ALEX_SHAPES)
    np.testing.assert_array_equal(
        answer(write(tmp_path / "a", ALEX, held)), answer(write(tmp_path / "b", ALEX, held, **options))
    )


def test_large_arrays_are_set_by_rows(tmp_path, monkeypatch):
    path = write(tmp_path, ALEX, arrays(ALEX_SHAPES))
    whole = answer(path)
    monkeypatch.setattr("transfer.assign.LARGE", 100)
    np.testing.assert_array_equal(answer(path), whole)


def test_slices_and_cut_averages_save_and_load(tmp_path):
    net = (
        input_layer(1, 6, 9, 8)
        + layer("it", "Slice", "data", "a b", "slice_param { slice_point: 2 }")
        + pool("mean", "b", "pool: AVE kernel_size: 3 stride: 2 pad: 1")
        + pool("late", "mean", "pool: AVE kernel_size: 4 stride: 3 pad: 1")
    )
    found = read(write(tmp_path, net, {}), output="a,late")
    assert "Normalization" in [one.type for one in found.layers]
    found.model.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras", compile=False, safe_mode=True)
    x = np.random.default_rng(1).random((2, 9, 8, 6), np.float32)
    for ours, theirs in zip(found.model(x), again(x), strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_half_precision_arrays_are_read(tmp_path):
    held = {
        name: [array.astype(np.float16).astype(np.float32) for array in of] for name, of in arrays(ALEX_SHAPES).items()
    }
    np.testing.assert_array_equal(
        answer(write(tmp_path / "a", ALEX, held)), answer(write(tmp_path / "b", ALEX, held, kind="half"))
    )


OLD = """
name: "old"
input: "data" input_dim: 10 input_dim: 3 input_dim: 23 input_dim: 23
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1" blobs_lr: 1 blobs_lr: 2
         convolution_param { num_output: 8 kernel_size: 5 stride: 2 } }
layers { name: "relu1" type: RELU bottom: "conv1" top: "conv1" }
layers { name: "norm1" type: LRN bottom: "conv1" top: "norm1" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
layers { name: "pool1" type: POOLING bottom: "norm1" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layers { name: "conv2" type: CONVOLUTION bottom: "pool1" top: "conv2"
         convolution_param { num_output: 8 kernel_size: 3 pad: 1 group: 2 } }
layers { name: "relu2" type: RELU bottom: "conv2" top: "conv2" }
layers { name: "fc6" type: INNER_PRODUCT bottom: "conv2" top: "fc6" inner_product_param { num_output: 10 } }
layers { name: "relu6" type: RELU bottom: "fc6" top: "fc6" }
layers { name: "drop6" type: DROPOUT bottom: "fc6" top: "fc6" dropout_param { dropout_ratio: 0.5 } }
layers { name: "fc7" type: INNER_PRODUCT bottom: "fc6" top: "fc7" inner_product_param { num_output: 4 } }
layers { name: "prob" type: SOFTMAX bottom: "fc7" top: "prob" }
"""


def test_version_1_form_is_the_same_net(tmp_path):
    pytest.importorskip("cv2")
    held = arrays(ALEX_SHAPES)
    new = write(tmp_path / "new", ALEX, held)
    old = tmp_path / "old.caffemodel"
    (tmp_path / "old.prototxt").write_text(OLD)
    old.write_bytes(snapshot(OLD, held))
    assert read(old).max_rel_difference < 1e-5
    np.testing.assert_array_equal(answer(new), answer(old))


def test_version_1_types_are_todays():
    kinds = parsed("layers { type: TANH }").layers[0].DESCRIPTOR.enum_types_by_name["LayerType"].values_by_name
    text = "".join(f'layers {{ name: "{kind}" type: {kind} }}' for kind in kinds)
    assert [one.type for one in upgraded(parsed(text)).layer][:9] == [
        "None",
        "AbsVal",
        "Accuracy",
        "ArgMax",
        "BNLL",
        "Concat",
        "ContrastiveLoss",
        "Convolution",
        "Data",
    ]


TRAIN_VAL = (
    'name: "train_val"'
    'layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }'
    " transform_param { crop_size: 23 mirror: true mean_value: 104 mean_value: 117 mean_value: 123 } }"
    'layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }'
    " transform_param { crop_size: 23 scale: 0.5 mean_value: 104 mean_value: 117 mean_value: 123 } }"
    + ALEX_BODY
    + layer("accuracy", "Accuracy", "fc7 label", body="include { phase: TEST }")
    + layer("loss", "SoftmaxWithLoss", "fc7 label")
)


def test_training_net_ends_in_a_softmax_and_states_its_preprocessing(tmp_path):
    pytest.importorskip("cv2")
    held = arrays(ALEX_SHAPES)
    found = read(write(tmp_path / "train", TRAIN_VAL, held))
    assert found.max_rel_difference < 1e-5
    assert found.notes[:2] == (
        "the layer accuracy (Accuracy) is left out: it only judges or stores outputs",
        "the loss loss (SoftmaxWithLoss) became a Softmax layer",
    )
    stated = found.preprocessing
    assert (stated.shape, stated.dtype, stated.scale, stated.channels) == ((23, 23, 3), "uint8", 0.5, "bgr")
    assert stated.offset == (-52.0, -58.5, -61.5)
    np.testing.assert_array_equal(answer(write(tmp_path / "deploy", ALEX, held)), answer(tmp_path / "train"))


def test_caffemodel_alone_has_the_net_it_was_trained_with(tmp_path):
    held = arrays(ALEX_SHAPES)
    train = TRAIN_VAL.replace("include { phase: TEST }", "", 1).replace("include { phase: TRAIN }", "", 1)
    train = train[: train.index("layer", 10)] + train[train.index('layer { name: "data"', 40) :]
    alone = tmp_path / "alone.caffemodel"
    alone.write_bytes(snapshot(train, held))
    np.testing.assert_array_equal(answer(alone), answer(write(tmp_path / "deploy", ALEX, held)))
    assert read(alone, compare=False).preprocessing.channels == "bgr"


def test_stage_and_level_rules(tmp_path):
    rules = (
        'state { level: 1 stage: "deploy" }'
        + input_layer(1, 3, 8, 8)
        + layer("a", "ReLU", "data", body='include { stage: "deploy" min_level: 1 }')
        + layer("b", "TanH", "a", body='include { not_stage: "deploy" }')
        + layer("c", "Sigmoid", "a", body="exclude { max_level: 0 }")
    )
    found = read(write(tmp_path, rules, {}), compare=False)
    assert [one.scope for one in found.layers] == ["a", "c"]


def test_output_ends_the_net_early(tmp_path):
    pytest.importorskip("cv2")
    found = read(write(tmp_path, ALEX, arrays(ALEX_SHAPES)), output="pool1,conv2")
    assert found.model.output_shape == [(None, 5, 5, 8), (None, 5, 5, 8)]
    assert found.max_rel_difference < 1e-5
    assert found.unmapped["fc6/0"] == "no output of the model needs its layer"
    with pytest.raises(ZooError, match="the net has no blob or layer 'pool9' to end in") as caught:
        read(tmp_path, output="pool9")
    assert "pool1" in caught.value.hint


def test_output_leaves_layers_that_cannot_be_imported_out(tmp_path):
    bad = ALEX + layer("norm", "Normalize", "conv2")
    found = read(write(tmp_path, bad, arrays(ALEX_SHAPES)), output="prob", compare=False)
    assert found.model.output_shape == (None, 4)


def test_shared_arrays_are_copied_and_noted(tmp_path):
    twin = (
        input_layer(1, 12, name="left")
        + input_layer(1, 12, name="right")
        + layer(
            "a",
            "InnerProduct",
            "left",
            body='param { name: "w" } param { name: "b" } inner_product_param { num_output: 3 }',
        )
        + layer(
            "b",
            "InnerProduct",
            "right",
            body='param { name: "w" } param { name: "b" } inner_product_param { num_output: 3 }',
        )
        + layer("sum", "Eltwise", "a b")
    )
    found = read(write(tmp_path, twin, arrays({"a": [(3, 12), (3,)]})), compare=False)
    assert "the layers a, b share the array 'w'; in the model each has its own copy" in found.notes
    x = np.random.default_rng(0).random((2, 12)).astype(np.float32)
    kernel, bias = arrays({"a": [(3, 12), (3,)]})["a"]
    np.testing.assert_allclose(np.asarray(found.model([x, x])), 2 * (x @ kernel.T + bias), rtol=1e-5, atol=1e-6)


def test_extra_arrays_are_unmapped(tmp_path):
    held = arrays({**ALEX_SHAPES, "aux/fc": [(4, 10), (4,)]})
    found = read(write(tmp_path, ALEX, held), compare=False)
    assert found.unmapped == {f"aux/fc/{place}": "the net has no such layer at test time" for place in (0, 1)}


def test_scopes_are_names_that_keras_and_tensorflow_accept(tmp_path):
    prototxt = input_layer(1, 3, 8, 8, name="été") + layer("été 1/ü", "ReLU", "été", "y") + layer("-x", "TanH", "y")
    found = read(write(tmp_path, prototxt, {}), compare=False)
    assert [one.scope for one in found.layers] == ["layer_t__1/_", "x"]


def test_mean_file_is_averaged_by_channel(tmp_path):
    from caffe_models import fill

    from transfer.importers.caffe.schema import BlobProto

    mean = BlobProto()
    image = np.stack([np.full((4, 4), 100.0), np.full((4, 4), 110.0), np.arange(16.0).reshape(4, 4)])[None]
    fill(mean, image.astype(np.float32), legacy=True)
    (tmp_path / "mean.binaryproto").write_bytes(mean.SerializeToString())
    text = TRAIN_VAL.replace(
        "mean_value: 104 mean_value: 117 mean_value: 123", 'mean_file: "data/ilsvrc/mean.binaryproto"'
    )
    found = read(write(tmp_path, text, arrays(ALEX_SHAPES)), compare=False)
    assert found.preprocessing.offset == (-50.0, -55.0, -3.75)
    assert "mean.binaryproto is an image; its mean by channel is used" in found.notes
    (tmp_path / "mean.binaryproto").write_bytes(mean.SerializeToString()[:-5])
    found = read(tmp_path, compare=False)
    assert found.preprocessing is None
    assert "mean.binaryproto is damaged" in found.notes[-1]


def test_net_without_data_layer_says_that_preprocessing_is_unknown(tmp_path):
    found = read(write(tmp_path, ALEX, arrays(ALEX_SHAPES)), compare=False)
    assert found.preprocessing is None
    assert found.notes[-1].startswith(UNSTATED)


def test_weights_alone_are_read_by_name(tmp_path):
    from transfer.importers.caffe.weights import read as weights

    held = arrays(ALEX_SHAPES)
    for legacy in (False, True):
        (tmp_path / "w.caffemodel").write_bytes(caffemodel(held, legacy=legacy))
        found = weights(tmp_path / "w.caffemodel")
        assert (found.format, found.convention) == ("caffe", "caffe")
        assert found.shapes["fc6/0"] == (10, 200)
        assert found.shapes["fc6/1"] == (10,)
        assert list(found.shapes) == [f"{name}/{place}" for name in ALEX_SHAPES for place in (0, 1)]
        for name, of in held.items():
            np.testing.assert_array_equal(found.load(f"{name}/0"), of[0])
