"""PyTorch's files: what PyTorch wrote comes back number for number, and what is damaged or hostile is refused."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weight_files import (
    NUMBERS,
    Ops,
    array,
    call,
    ops,
    pickled,
    plain,
    storage,
    symbol,
    tensor,
    torch_legacy,
    torch_zip,
)

from registry.errors import ZooError
from transfer.weights.readers.torch_file import read

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is the proof")
SIX = np.arange(6, dtype=np.float32).reshape(2, 3)
WAYS = [True, False]
DTYPES = [
    *("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64", "complex128")
]


def small(seed: int = 0) -> Any:
    """A net of each kind of layer that state dicts commonly have."""
    import torch

    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 5),
        torch.nn.LSTM(5, 2),
    )


def same(found: Any, state: Any) -> None:
    assert list(found.shapes) == list(state)
    for name, value in state.items():
        got, expected = found.load(name), value.detach().numpy()
        assert got.dtype == expected.dtype and found.shapes[name] == expected.shape
        np.testing.assert_array_equal(got, expected)


@needs_torch
@pytest.mark.parametrize("new", WAYS)
def test_a_state_dict(tmp_path: Path, new: bool) -> None:
    import torch

    torch.save(small().state_dict(), tmp_path / "w.pth", _use_new_zipfile_serialization=new)
    found = read(tmp_path / "w.pth")
    assert (found.format, found.convention, found.notes) == ("pytorch", "torch", ())
    same(found, small().state_dict())


@needs_torch
@pytest.mark.parametrize("new", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_types(tmp_path: Path, dtype: str, new: bool) -> None:
    import torch

    state = {"w": torch.arange(6).to(getattr(torch, dtype)).reshape(2, 3)}
    torch.save(state, tmp_path / "w.pt", _use_new_zipfile_serialization=new)
    same(read(tmp_path / "w.pt"), state)


@needs_torch
@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64"])
def test_types_that_numpy_or_old_files_have_not(tmp_path: Path, dtype: str) -> None:
    import torch

    wide = torch.float32 if "float" in dtype else torch.int64
    state = torch.arange(6).to(getattr(torch, dtype)).reshape(2, 3)
    torch.save({"w": state}, tmp_path / "w.pt")
    got = read(tmp_path / "w.pt").load("w")
    assert got.dtype.name == dtype
    np.testing.assert_array_equal(got.astype("f4" if "float" in dtype else "i8"), state.to(wide).numpy())


@needs_torch
@pytest.mark.parametrize("new", WAYS)
def test_views_share_a_storage(tmp_path: Path, new: bool) -> None:
    import torch

    whole = torch.arange(24.0).reshape(2, 3, 4)
    state = {
        "whole": whole, "turned": whole.permute(2, 0, 1), "row": whole[1, 1], "every other": whole[:, :, ::2],
        "number": whole[1, 2, 3], "none": whole[:0], "tied": whole, "parameter": torch.nn.Parameter(whole[0].T),
        "last": whole.to(memory_format=torch.contiguous_format).transpose(0, 1),
    }  # fmt: skip
    torch.save(state, tmp_path / "w.pt", _use_new_zipfile_serialization=new)
    same(read(tmp_path / "w.pt"), state)


@needs_torch
@pytest.mark.parametrize("kind", ["script", "trace"])
def test_torchscript(tmp_path: Path, kind: str) -> None:
    import torch

    class Net(torch.nn.Module):
        """Layers in layers, and attributes that are no weights."""

        def __init__(self) -> None:
            super().__init__()
            self.features = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
            self.sizes, self.scale, self.name = [1, 2], 0.5, "net"
            self.register_buffer("mean", torch.arange(4.0))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.features(x) * self.scale

    net = Net().eval()
    made = torch.jit.script(net) if kind == "script" else torch.jit.trace(net, torch.ones(1, 3, 5, 5))
    made.save(str(tmp_path / "w.pt"))
    found = read(tmp_path / "w.pt")
    state = net.state_dict()
    assert set(found.shapes) == set(state)
    for name, value in state.items():
        np.testing.assert_array_equal(found.load(name), value.numpy())
    assert found.notes == ("of the TorchScript archive only the weights are taken; its code is not read",)


@needs_torch
@pytest.mark.parametrize("new", WAYS)
def test_a_checkpoint_of_a_training(tmp_path: Path, new: bool) -> None:
    import torch

    net = small()
    optimizer = torch.optim.Adam(net.parameters())
    sum(p.sum() for p in net.parameters()).backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])
    checkpoint = {
        "epoch": 3, "state_dict": {f"module.{name}": value for name, value in net.state_dict().items()},
        "optimizer": optimizer.state_dict(), "lr_scheduler": schedule.state_dict(), "best": np.float64(0.5),
        "ema": {"0.weight": torch.ones(1)},
    }  # fmt: skip
    torch.save(checkpoint, tmp_path / "w.pth", _use_new_zipfile_serialization=new)
    found = read(tmp_path / "w.pth")
    same(found, net.state_dict())
    assert found.notes == (
        "left out: 'optimizer' (30 tensors), 'ema' (1 tensors)", "the weights are those under 'state_dict'",
        "the prefix 'module.' of every name is left out",
    )  # fmt: skip


UNDER = "the weights are those under"
CHOICES: list[tuple[Any, list[str], list[str]]] = [
    ({"model": {"state_dict": {"a.w": plain()}}}, ["a.w"], [f"{UNDER} 'model'", f"{UNDER} 'state_dict'"]),
    ({"backbone": {"a.w": plain()}, "epoch": 1}, ["a.w"], [f"{UNDER} 'backbone'"]),
    ({"g": {"w": plain()}, "d": {"w": plain()}}, ["g.w", "d.w"], []),
    ({"w": plain(), "model": {"w": plain()}}, ["w", "model.w"], []),
    (
        {"_orig_mod.w": plain(), "_orig_mod.b": plain()},
        ["w", "b"],
        ["the prefix '_orig_mod.' of every name is left out"],
    ),
    ([plain(), {"w": plain()}], ["0", "1.w"], []),
    ({"w": array(NUMBERS), "b": plain()}, ["w", "b"], []),
    ({"optimizer.w": plain()}, ["optimizer.w"], []),
]


@pytest.mark.parametrize(("tree", "names", "notes"), CHOICES)
def test_choices(tmp_path: Path, tree: Any, names: list[str], notes: list[str]) -> None:
    found = read(torch_zip(tmp_path / "w.pt", tree))
    assert (list(found.shapes), list(found.notes)) == (names, notes)
    np.testing.assert_array_equal(found.load(names[0]), SIX)


@pytest.mark.parametrize("write", [torch_zip, torch_legacy])
def test_tensors_by_hand(tmp_path: Path, write: Any) -> None:
    old = call("torch._utils._rebuild_tensor", storage("0", 6), 1, (2, 2), (1, 2))
    view = Ops(ops(("storage", symbol("torch.FloatStorage"), "0", "cpu", 6, ("9", 2, 4))) + b"Q")
    wrapped = call("torch._utils._rebuild_parameter", plain(), True, call("collections.OrderedDict"))
    size = tensor("0", call("torch.Size", (3,)), (2,), 1)
    tree = {"old": old, "view": tensor("0", (2,), (2,), 1, view), "wrapped": wrapped, "size": size}
    found = read(write(tmp_path / "w.pt", tree))
    expected = {"old": [[1, 3], [2, 4]], "view": [3, 5], "wrapped": SIX, "size": [1, 3, 5]}
    for name, numbers in expected.items():
        np.testing.assert_array_equal(found.load(name), numbers)


def test_the_other_byte_order(tmp_path: Path) -> None:
    turned = {"0": SIX.astype(">f4").tobytes(), "1": np.array([1 + 2j], ">c8").tobytes()}
    pair = tensor("1", (1,), (1,), 0, storage("1", 1, "torch.ComplexFloatStorage"))
    found = read(torch_zip(tmp_path / "w.pt", {"w": plain(), "c": pair}, turned, byteorder=b"big"))
    np.testing.assert_array_equal(found.load("w"), SIX)
    np.testing.assert_array_equal(found.load("c"), [1 + 2j])


def test_a_packed_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", pickled({"w": tensor("0", (2,), (3,), 1)}))
        archive.writestr("w/data/0", NUMBERS)
    np.testing.assert_array_equal(read(tmp_path / "w.pt").load("w"), [1, 4])


def test_shards(tmp_path: Path) -> None:
    torch_zip(tmp_path / "pytorch_model-00001-of-00002.bin", {"a": plain()})
    torch_legacy(tmp_path / "pytorch_model-00002-of-00002.bin", {"b": plain()})
    index = tmp_path / "pytorch_model.bin.index.json"
    places = '{"b": "pytorch_model-00002-of-00002.bin", "a": "pytorch_model-00001-of-00002.bin"}'
    index.write_text(f'{{"metadata": {{}}, "weight_map": {places}}}')
    for path in (index, tmp_path):
        found = read(path)
        assert list(found.shapes) == ["b", "a"] and found.notes == ("in 2 files",)
        np.testing.assert_array_equal(found.load("b"), SIX)


def test_missing_places(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"cannot read the weights .*none\.pt: No such file or directory"):
        read(tmp_path / "none.pt")
    with pytest.raises(
        ZooError, match=r"the folder .* holds none of pytorch_model\.bin\.index\.json, pytorch_model\.bin"
    ):
        read(tmp_path)
