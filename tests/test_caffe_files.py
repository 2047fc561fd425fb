"""Which files belong together, and what damaged, hostile and foreign ones get."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from caffe_models import arrays, caffemodel, fill, input_layer, layer, write
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.files.wire import Walk, encoded
from transfer.importers.caffe.caffemodel import read_caffemodel
from transfer.importers.caffe.misspelt import misspelt
from transfer.importers.caffe.pairing import claims, pair
from transfer.importers.caffe.prototxt import nesting, parsed
from transfer.importers.caffe.reader import read
from transfer.importers.caffe.schema import NetParameter

NET = (
    input_layer(1, 3, 8, 8)
    + layer("conv", "Convolution", "data", body="convolution_param { num_output: 4 kernel_size: 3 }")
    + layer("relu", "ReLU", "conv", "conv")
    + layer("fc", "InnerProduct", "conv", body="inner_product_param { num_output: 2 }")
)
SHAPES = {"conv": [(4, 3, 3, 3), (4,)], "fc": [(2, 144), (2,)]}


def refusal(path, **options) -> ZooError:
    started = time.monotonic()
    with pytest.raises(ZooError) as caught:
        read(path, **options)
    assert time.monotonic() - started < 10
    assert "\n" not in caught.value.message
    assert path.name in caught.value.message or path.parent.name in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("names", "given", "expected"),
    [
        ("a.caffemodel a.prototxt deploy.prototxt", "a.caffemodel", "a.prototxt"),
        ("a.caffemodel deploy.prototxt train_val.prototxt solver.prototxt", "a.caffemodel", "deploy.prototxt"),
        ("a.caffemodel deploy_a.prototxt other.prototxt", "a.caffemodel", "deploy_a.prototxt"),
        ("a.caffemodel some_deploy.prototxt train_val.prototxt", "a.caffemodel", "some_deploy.prototxt"),
        ("a.caffemodel other.prototxt solver.prototxt", "a.caffemodel", "other.prototxt"),
        ("a.caffemodel other.prototxt", ".", "other.prototxt"),
        ("a.caffemodel b.caffemodel b.prototxt", "b.prototxt", "b.prototxt"),
        ("a.caffemodel x.prototxt y.prototxt", "y.prototxt", "y.prototxt"),
        ("a.caffemodel solver.prototxt", "a.caffemodel", None),
    ],
)
def test_pair_goes_by_names(names, given, expected, tmp_path):
    for name in names.split():
        (tmp_path / name).touch()
    prototxt, model = pair(tmp_path / given)
    assert (prototxt and prototxt.name) == expected
    assert model.suffix == ".caffemodel"
    assert claims(str(tmp_path))
    assert claims(str(model))


@pytest.mark.parametrize(
    ("names", "given", "words"),
    [
        (
            "a.caffemodel x.prototxt y.prototxt",
            "a.caffemodel",
            "can belong to 2 prototxt files: x.prototxt, y.prototxt",
        ),
        ("a.caffemodel b.caffemodel", ".", "has 2 caffemodels: a.caffemodel, b.caffemodel; expected one"),
        ("x.prototxt", "a.caffemodel", "there is no file"),
    ],
)
def test_pair_that_names_do_not_tell_is_refused(names, given, words, tmp_path):
    for name in names.split():
        (tmp_path / name).touch()
    with pytest.raises(ZooError, match=words):
        pair(tmp_path / given)


def test_a_prototxt_without_weights_asks_for_them(tmp_path):
    (tmp_path / "x.prototxt").touch()
    with pytest.raises(ZooError, match=r"has no \.caffemodel; expected one") as caught:
        pair(tmp_path / "x.prototxt")
    assert caught.value.hint == "put the one that holds the net's weights beside the prototxt"


def test_a_net_without_input_asks_for_one(tmp_path):
    net = "".join(line for line in NET.splitlines(keepends=True) if '"Input"' not in line)
    error = refusal(write(tmp_path, net.replace('bottom: "data"', 'bottom: "image"'), arrays(SHAPES)))
    assert "the net has no input: the layer conv (Convolution) reads the blob 'image', which no" in error.message
    assert error.hint.startswith('add to the prototxt, with the sizes that the net takes: layer { name: "image"')


def test_a_misspelt_field_is_named(tmp_path):
    error = refusal(write(tmp_path, NET.replace("kernel_size", "kernal_size"), arrays(SHAPES)))
    assert "conv (Convolution) has no kernel size" in error.message
    assert error.message.endswith("; unknown to Caffe is kernal_size")
    assert error.hint == "write kernel_size for kernal_size"
    path = write(tmp_path, NET.replace("kernel_size: 3", "kernel_size: 3 strides: 1"), arrays(SHAPES))
    assert read(path, compare=False).notes[-1] == "the field strides is unknown and left out; stride is known"


TRAINED = """
lr_mult decay_mult share_mode loss_weight propagate_down weight_filler bias_filler type value min max mean std
sparse variance_norm force_nd_im2col engine moving_average_fraction eps source batch_size rand_skip backend
mean_file mirror prefetch root_folder shuffle is_color force_encoded_color blobs_lr weight_decay force_backward
debug_info norm normalization ignore_label filler window_size fg_threshold context_pad crop_mode det_fg_threshold
channel_shared round_mode name solver_mode sparse_ratio axis num_axes across_spatial hinge_loss_param
infogain_loss_param loss_param threshold_param tile_param hdf5_output_param contrastive_loss_param spp_param
recurrent_param window_data_param
"""


def test_fields_of_training_are_not_misspelt():
    """Names of `caffe.proto` that the schema leaves out."""
    assert misspelt(" ".join(f"{name}: 1" for name in TRAINED.split())) == {}
    assert misspelt('name: "kernal_size: 3"  # kernal_size: 3') == {}


def test_stated_prototxt_is_taken(tmp_path):
    path = write(tmp_path, NET, arrays(SHAPES))
    (tmp_path / "net.prototxt").rename(tmp_path / "x.prototxt")
    (tmp_path / "y.prototxt").write_text(NET)
    assert "can belong to 2" in refusal(path).message
    assert read(path, prototxt=tmp_path / "x.prototxt", compare=False).model.output_shape == (None, 2)


PROTOTXTS = {
    "nesting bomb": ("layer { a " + "{ b " * 5000, "is nested 5,001 deep; expected at most 16"),
    "angle nesting bomb": ("layer < a " + "< b " * 3000, "is nested 3,001 deep"),
    "escapes": (('"' + '\\"' * 9000 + "\n") * 100, "is no prototxt of a network"),
    "long line": ("a: 1 " * 20000, "has a line of 100,000 characters"),
    "empty": ("", "has no layer"),
    "solver": ('net: "train_val.prototxt" base_lr: 0.01', "has no layer"),
    "syntax": ('layer { name: "a" ', "is no prototxt of a network"),
    "json": ('{"layer": []}', "is no prototxt of a network"),
    "huge number": (NET.replace("dim: 8", "dim: 99999999999999999999"), "is no prototxt of a network"),
    "absurd input": (NET.replace("dim: 8", "dim: 9000000"), "expected at most 268,435,456 numbers"),
    "absurd kernel": (
        NET.replace("kernel_size: 3", "kernel_size: 4000000000"),
        "states kernel, stride, pad or dilation",
    ),
    "absurd pad": (
        NET.replace("kernel_size: 3", "kernel_size: 3 pad: 1000000"),
        "expected at most 268,435,456 numbers",
    ),
    "absurd outputs": (NET.replace("num_output: 4", "num_output: 4000000000"), "the net expects [4000000000, 3, 3, 3]"),
    "no outputs": (NET.replace("num_output: 4", "num_output: 0"), "expected divisors"),
    "zero input": (NET.replace("dim: 8", "dim: 0"), "the input data has the shape [1, 3, 0, 0]"),
    "negative input": (NET.replace("dim: 8", "dim: -8"), "the input data has the shape [1, 3, -8, -8]"),
    "no input shape": (
        NET.replace("dim: 1 dim: 3 dim: 8 dim: 8", ""),
        "the files do not say the shape of the input data (Input layer data)",
    ),
    "undefined bottom": (
        NET.replace('bottom: "data"', 'bottom: "dta"'),
        "reads the blob 'dta', which no layer above it makes",
    ),
    "cycle": (NET.replace('bottom: "data"', 'bottom: "fc"'), "reads the blob 'fc', which no layer above it makes"),
    "no bottom": (NET.replace('bottom: "data"', ""), "the layer conv (Convolution) has 0 bottoms and 1 tops"),
    "python": (
        NET + layer("py", "Python", "fc", body='python_param { module: "evil" layer: "Run" }'),
        "the layer py (Python) would run the code evil.Run",
    ),
    "unknown type": (
        NET + layer("det", "DetectionOutput", "fc"),
        "is of the type 'DetectionOutput', which cannot be imported",
    ),
    "missing arrays": (
        NET + layer("other", "InnerProduct", "fc", body="inner_product_param { num_output: 2 }"),
        "has no arrays for 1 layers of the prototxt: other; it has arrays for 0 that the prototxt lacks: none",
    ),
    "renamed arrays": (
        NET.replace('name: "conv"', 'name: "conv9"'),
        "has no arrays for 1 layers of the prototxt: conv9; it has arrays for 1 that the prototxt lacks: conv",
    ),
    "both forms": (NET + 'layers { name: "x" type: RELU }', "has both `layer` and `layers` entries"),
    "version 0": (
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8 '
        'layers { layer { name: "c" type: "conv" } bottom: "data" top: "c" }',
        "is of Caffe's version 0",
    ),
    "no shapes": ('input: "a" layer { name: "x" type: "ReLU" bottom: "a" top: "x" }', "has 1 inputs (a) and 0 shapes"),
    "data without shape": (
        NET.replace('"Input"', '"Data"').replace("input_param", "other_param"),
        "the files do not say the shape of the input data (Data layer data)",
    ),
    "rules": (
        NET.replace('type: "ReLU"', 'type: "ReLU" include { phase: TEST } exclude { phase: TRAIN }'),
        "both include and exclude",
    ),
    "used ArgMax": (
        NET + layer("m", "ArgMax", "fc") + layer("n", "ReLU", "m"),
        "which m (ArgMax) makes, a layer that is left out",
    ),
    "only data": (input_layer(1, 3, 8, 8), "the net has no output"),
    "too many layers": (
        NET + "".join(layer(f"r{place}", "ReLU", "fc", "fc") for place in range(1501)),
        "has 1,505 layers",
    ),
}


@pytest.mark.parametrize("name", PROTOTXTS)
def test_bad_prototxt_is_refused(name, tmp_path):
    text, words = PROTOTXTS[name]
    assert words in refusal(write(tmp_path, text, arrays(SHAPES))).message


def test_prototxt_that_is_not_text_or_too_large_is_refused(tmp_path):
    path = write(tmp_path, NET, arrays(SHAPES))
    (tmp_path / "net.prototxt").write_bytes(b"\xff\xfe\x00")
    assert "is no prototxt: it is not text" in refusal(path).message
    (tmp_path / "net.prototxt").write_bytes(b"#" * 2_000_001)
    assert "is too large for a prototxt: 2,000,001 bytes" in refusal(path).message


def blob_net(**fields) -> bytes:
    net = NetParameter()
    net.layer.add(name="conv", type="Convolution").blobs.add(**fields)
    return net.SerializeToString()


MODELS = {
    "empty": (b"", "is no caffemodel: it is empty"),
    "zeros": (bytes(64), "is no caffemodel, or is damaged: the field at byte 0"),
    "text": (NET.encode(), "is no caffemodel, or is damaged"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "is no caffemodel, or is damaged: it is an HDF5 file"),
    "zip": (b"PK\x03\x04" + bytes(100), "it is a zip archive"),
    "no layer": (NetParameter(name="x").SerializeToString(), "it holds no layer"),
    "truncated": (caffemodel(arrays(SHAPES))[:-7], "does not fit into its message"),
    "huge length": (encoded(100 << 3 | 2) + encoded(1 << 62) + b"x", "does not fit into its message"),
    "endless number": (b"\xff" * 30, "does not end"),
    "many fields": (b"\x08\x00" * 600_000, "has more than 500,000 fields"),
    "absurd shape": (
        blob_net(shape={"dim": [1 << 40, 1 << 20]}, data=[1.0]),
        "the blob conv/0 holds 1 numbers; its shape",
    ),
    "negative shape": (
        blob_net(shape={"dim": [-1, -1]}, data=[1.0]),
        "the blob conv/0 has the impossible shape [-1, -1]",
    ),
    "too few numbers": (blob_net(num=1, channels=2, height=3, width=4, data=[0.0] * 23), "needs 24"),
    "odd bytes": (blob_net(shape={"dim": [1]}, raw_data=b"12345", raw_data_type=1), "holds 1.25 numbers"),
    "integers": (blob_net(shape={"dim": [4]}, raw_data=b"1234", raw_data_type=3), "holds quantised integers"),
    "no numbers": (blob_net(shape={"dim": [4]}), "the blob conv/0 holds 0 numbers; its shape [4] needs 4"),
    "nested groups": (b"\x0b" * 100_000, "has the wire type 3"),
}


@pytest.mark.parametrize("name", MODELS)
def test_bad_caffemodel_is_refused(name, tmp_path):
    data, words = MODELS[name]
    write(tmp_path, NET, {})
    (tmp_path / "net.caffemodel").write_bytes(data)
    assert words in refusal(tmp_path / "net.caffemodel").message


def test_opencv_that_crashes_is_said(tmp_path, monkeypatch):
    from transfer.importers.caffe import net

    pytest.importorskip("cv2")
    (tmp_path / "crash.py").write_text("import os\ndef run(*_): os.abort()")
    (tmp_path / "refuse.py").write_text("def run(*_): raise ValueError('no such layer')")
    path = write(tmp_path, NET, arrays(SHAPES))
    monkeypatch.setattr(net, "__file__", str(tmp_path / "crash.py"))
    with pytest.raises(ZooError, match=r"OpenCV crashes when it runs .*caffemodel: it ends unexpectedly \(SIGABRT\)"):
        read(path)
    monkeypatch.setattr(net, "__file__", str(tmp_path / "refuse.py"))
    assert "not compared with the original: OpenCV cannot run it (no such layer)" in read(path).notes


def test_caffemodel_of_infinite_numbers_is_refused(tmp_path):
    pytest.importorskip("cv2")
    held = arrays(SHAPES)
    held["fc"][1][0] = np.nan
    with pytest.raises(ZooError, match="are not finite on random inputs"):
        read(write(tmp_path, NET, held))


@pytest.mark.parametrize(
    "one",
    [
        layer("it", "Pooling", "data", body="pooling_param { pool: AVE kernel_size: 1001 pad: 500 }"),
        layer("it", "LRN", "data", body="lrn_param { local_size: 1001 norm_region: WITHIN_CHANNEL }"),
        layer("it", "LRN", "data", body="lrn_param { local_size: 65535 }"),
    ],
)
def test_net_that_would_run_for_hours_is_not_run(one, tmp_path):
    pytest.importorskip("cv2")
    found = read(write(tmp_path, input_layer(1, 3, 1500, 1500) + one, {}))
    assert found.max_abs_difference is None
    assert found.notes[-1].startswith("not compared with the original: one sample takes ")


def test_damage_anywhere_is_one_line_or_a_model(tmp_path):
    path = write(tmp_path, NET, arrays(SHAPES))
    sound = {name: (tmp_path / name).read_bytes() for name in ("net.caffemodel", "net.prototxt")}
    draws, refused = random.Random(0), 0
    for turn in range(120):
        name = draws.choice(sorted(sound))
        data = bytearray(sound[name])
        if turn % 3 == 0:
            del data[draws.randrange(len(data)) :]
        else:
            # Three quarters of a caffemodel are floats, where a flipped bit is another number; aim beside them, too.
            place = draws.choice([*range(40), draws.randrange(len(data))])
            data[place] ^= 1 << draws.randrange(8)
        for file, content in sound.items():
            (tmp_path / file).write_bytes(bytes(data) if file == name else content)
        try:
            read(path, compare=False)
        except ZooError as error:
            refused += 1
            assert "\n" not in error.message
            assert "net." in error.message
    assert refused > 40


def test_unpacked_numbers_are_read(tmp_path):
    # Writers may state each float by itself, tag 5 << 3 | 5; protobuf requires that readers take both forms.
    floats = np.arange(4, dtype="<f4")
    data = b"".join(b"\x2d" + value.tobytes() for value in floats)
    blob = data + b"\x3a\x03\x0a\x01\x04"  # and the shape [4]
    one = b"\x0a\x01a" + encoded(7 << 3 | 2) + encoded(len(blob)) + blob
    (tmp_path / "x.caffemodel").write_bytes(encoded(100 << 3 | 2) + encoded(len(one)) + one)
    (found,) = read_caffemodel(tmp_path / "x.caffemodel").blobs["a"]
    np.testing.assert_array_equal(found.array(), floats)


@given(st.integers(0, (1 << 64) - 1))
def test_varints_round_trip(value):
    data = encoded(value)
    assert Walk(data).varint(0, len(data)) == (value, len(data))


@given(st.lists(st.tuples(st.integers(1, 5000), st.binary(max_size=200)), max_size=20))
def test_walk_finds_what_was_written(fields):
    data = b"".join(encoded(number << 3 | 2) + encoded(len(value)) + value for number, value in fields)
    found = [(field.number, data[field.start : field.stop]) for field in Walk(data).fields(0, len(data))]
    assert found == fields


@given(
    st.recursive(
        st.just(""), lambda inner: st.lists(inner, max_size=3).map(lambda x: "".join(f"a {{{one}}}" for one in x))
    )
)
def test_nesting_counts_braces(text):
    depth = best = 0
    for mark in text:
        depth += (mark == "{") - (mark == "}")
        best = max(best, depth)
    assert nesting(f'# {{{{{{\n{text} s: "{{{{"') == best


def test_unknown_fields_are_left_out():
    net = parsed(NET.replace('name: "relu"', 'name: "relu" new_param { deep { x: 1 } list: [1, 2] }'))
    assert [one.type for one in net.layer] == ["Input", "Convolution", "ReLU", "InnerProduct"]


def test_blob_helper_states_both_forms():
    net = NetParameter()
    blob = net.layer.add().blobs.add()
    fill(blob, np.zeros((2, 3), np.float32), legacy=True)
    assert (blob.num, blob.channels, blob.height, blob.width) == (1, 1, 2, 3)
