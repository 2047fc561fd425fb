"""What a hostile Keras or TF.js file tries: code in the config, links out of the file, sizes that are lies."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hostile_case import Case, changing

Spoil = Callable[[Path], Path | None]
CODE = "4wEAAAAAAAAAAAAAAAQAAAADAAAA8zYAAACXAGQBZABsAH0B"  # how Keras writes the byte code of a lambda


def cases() -> Iterator[Case]:
    """Yield the cases of these formats."""
    yield from _keras()
    yield from _hdf5()
    yield from _json()
    yield from _tfjs()


def _keras() -> Iterator[Case]:
    for wrong, spoil, message in (
        ("a Lambda layer", _layer(_lambda), r"m\.keras: the layer outputs is a Lambda, which would run or read"),
        ("a class of one's own", _layer(_own), r"m\.keras: the layer outputs is of the class evil>Layer, which is not"),
        ("a layer that is os.system", _layer(_system), r"m\.keras: the layer outputs is of the class system, which is"),
        ("a layer that loads a SavedModel", _layer(_loading), r"m\.keras: the layer outputs is a TFSMLayer, which"),
        (
            "a layer of 4 TB",
            _layer(_giant),
            r"m\.keras: the layer outputs \(Dense\) would hold 4,[\d,]+ numbers; expected at",
        ),
        ("an entry outside", _entry("../../evil.py", b"x"), r"m\.keras has the entry '\.\./\.\./evil\.py', which lies"),
        ("an entry from the root", _entry("/etc/cron.d/x", b"x"), r"m\.keras has the entry '/etc/cron\.d/x', which"),
        ("a program in it", _entry("setup.py", b"x"), r"m\.keras has the entry 'setup\.py': expected config\.json"),
        ("a zip bomb", _entry("assets/zeros", bytes(64 << 20)), r"claims to unpack to 67,108,864: it is not unpacked"),
        ("a size that is a lie", _claim, r"model\.weights\.h5 has [\d,]+ bytes and claims to unpack to 3,221,225,472"),
        ("a config nested 100,000 deep", _config(b'{"a":' * 100_000), r"config\.json of .*m\.keras is nested too deep"),
        ("a config with NaN", _config(b'{"a": NaN}'), r"the config\.json of .*m\.keras holds NaN: expected finite"),
        ("weights with an external link", _weights("link"), r"model\.weights\.h5 of .*m\.keras has a link of the kind"),
        ("weights stored elsewhere", _weights("storage"), r"the array x is stored in another file: only this file is"),
    ):
        yield Case("keras", wrong, spoil, message)


def _hdf5() -> Iterator[Case]:
    for seed, file in (("keras-h5", "m.h5"), ("keras-weights", "m.weights.h5")):
        name = file.replace(".", r"\.")
        for wrong, spoil, message in (
            ("an external link", "link", rf"{name} has a link of the kind external at x: only what lies in the file"),
            ("a soft link", "soft", rf"{name} has a link of the kind soft at x: only what lies in the file itself"),
            ("an array stored elsewhere", "storage", rf"{name}: the array x is stored in another file: only this file"),
            ("a virtual array", "virtual", rf"{name}: the array x is stored in another file: only this file is read"),
            ("an array of 4 TB", "giant", rf"{name}: the array x declares 4,398,046,511,104 bytes and stores 0: it is"),
            ("a group in itself", "circle", rf"{name} is damaged: x/x stands in it twice, or it has too many objects"),
            ("an array of objects", "objects", rf"{name}: the array x holds object: expected numbers"),
        ):
            yield Case(seed, wrong, _h5(file, spoil), message)
    for wrong, change, message in (
        ("a Lambda layer", _lambda, r"m\.h5: the layer outputs is a Lambda, which is no layer of Keras 3"),
        ("a class of one's own", _own, r"m\.h5: the layer outputs is a Layer|m\.h5: the layer outputs is of"),
        ("a layer of 4 TB", _giant, r"m\.h5.*outputs.*would hold|m\.h5.*outputs"),
    ):
        yield Case("keras-h5", wrong, _model_config(change), message)


def _json() -> Iterator[Case]:
    def edited(change: Callable[[dict[str, Any]], None]) -> Spoil:
        return changing("m.json", lambda data: _edited(data, lambda config: change(config["config"]["layers"][-1])))

    def whole(data: bytes) -> Spoil:
        return changing("m.json", lambda _: data)

    start = b'{"class_name": "Sequential", "config": '
    for wrong, spoil, message in (
        ("a Lambda layer", edited(_lambda), r"m\.json: the layer outputs is a Lambda, which is no layer of Keras 3"),
        ("a class of one's own", edited(_own), r"m\.json: the layer outputs is a Layer|the layer outputs is of"),
        ("a layer of 4 TB", edited(_giant), r"m\.json.*outputs"),
        ("nested 100,000 deep", whole(start + b"[" * 100_000), r"m\.json is nested too deeply to be a model"),
        ("an infinity", whole(start + b"Infinity}"), r"m\.json holds Infinity: expected finite numbers"),
        ("no layers", whole(start + b'{"layers": {}}}'), r"m\.json"),
        ("a number of 5,000 digits", whole(start + b"9" * 5000 + b"}"), r"m\.json is no JSON: Exceeds the limit"),
    ):
        yield Case("keras-json", wrong, spoil, message)


def _tfjs() -> Iterator[Case]:
    def edited(change: Callable[[dict[str, Any]], None]) -> Spoil:
        return changing("m/model.json", lambda data: _edited(data, change))

    def path(name: str) -> Spoil:
        return edited(lambda model: model["weightsManifest"][0].update(paths=[name]))

    def weight(**values: Any) -> Spoil:
        return edited(lambda model: model["weightsManifest"][0]["weights"][0].update(values))

    def layer(change: Callable[[dict[str, Any]], None]) -> Spoil:
        return edited(lambda model: change(model["modelTopology"]["model_config"]["config"]["layers"][-1]))

    bomb = b'{"modelTopology": ' + b"[" * 100_000
    for wrong, spoil, message in (
        ("a shard outside", path("../group1-shard1of1.bin"), r"model\.json names the shard \.\./group1-shard1of1\.bin"),
        ("a shard from the root", path("/etc/passwd"), r"model\.json names the shard /etc/passwd, which is not in its"),
        (
            "a shard on the web",
            path("https://example.org/a.bin"),
            r"names the shard https://example\.org/a\.bin, which",
        ),
        ("a shard that is a link out", _linked, r"names the shard group1-shard1of1\.bin, which is not in its folder"),
        ("a weight of 4 TB", weight(shape=[1 << 20, 1 << 20]), r"hold 92 bytes; expected 4,398,046,511,\d+ by its man"),
        ("a negative size", weight(shape=[-4, 3]), r"model\.json.*expected a name and a shape"),
        ("weights of text", weight(dtype="string"), r"are string: expected one of float32, int32, bool, uint8"),
        ("a Lambda layer", layer(_lambda), r"model\.json: the layer outputs is a Lambda, which is no layer of Keras 3"),
        ("nested 100,000 deep", changing("m/model.json", lambda _: bomb), r"model\.json is nested too deeply"),
    ):
        yield Case("tfjs", wrong, spoil, message)


def _lambda(layer: dict[str, Any]) -> None:
    layer["class_name"] = "Lambda"
    layer["config"].update(function=[CODE, None, None], function_type="lambda")


def _own(layer: dict[str, Any]) -> None:
    layer.update(class_name="Layer", registered_name="evil>Layer", module="evil")


def _system(layer: dict[str, Any]) -> None:
    layer.update(class_name="system", module="os", registered_name=None)


def _loading(layer: dict[str, Any]) -> None:
    layer.update(class_name="TFSMLayer")
    layer["config"].update(filepath="/tmp/evil")


def _giant(layer: dict[str, Any]) -> None:
    layer["config"].update(units=1 << 40)


def _edited(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    config = json.loads(data)
    change(config)
    return json.dumps(config).encode()


def _rezipped(change: Callable[[str, bytes], bytes | None], **extra: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        from keras_files import rezipped

        sound = (folder / "m.keras").rename(folder / "sound")
        rezipped(sound, folder / "m.keras", change, **extra)
        sound.unlink()

    return spoil


def _config(content: bytes) -> Spoil:
    return _rezipped(lambda name, data: content if name == "config.json" else data)


def _layer(change: Callable[[dict[str, Any]], None]) -> Spoil:
    def edit(name: str, data: bytes) -> bytes:
        if name != "config.json":
            return data
        return _edited(data, lambda config: change(config["config"]["layers"][-1]))

    return _rezipped(edit)


def _entry(name: str, content: bytes) -> Spoil:
    return _rezipped(lambda name, data: data, **{name: content})


def _claim(folder: Path) -> None:
    from keras_files import claiming

    claiming(folder / "m.keras", "model.weights.h5", 3 << 30)


def _weights(kind: str) -> Spoil:
    return _rezipped(lambda name, data: hdf5(kind, data) if name == "model.weights.h5" else data)


def _h5(file: str, kind: str) -> Spoil:
    return changing(file, lambda data: hdf5(kind, data))


def hdf5(kind: str, data: bytes) -> bytes:
    """Add something hostile, called `x`, to an HDF5 file."""
    import h5py
    import numpy as np

    held = io.BytesIO(data)
    with h5py.File(held, "r+") as file:
        if kind == "link":
            file["x"] = h5py.ExternalLink("/etc/passwd", "/x")
        elif kind == "soft":
            file["x"] = h5py.SoftLink("/somewhere")
        elif kind == "storage":
            file.create_dataset("x", (4,), "f4", external=[("/etc/passwd", 0, 16)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
            file.create_virtual_dataset("x", layout)
        elif kind == "giant":
            file.create_dataset("x", (1 << 20, 1 << 20), "f4", chunks=(1, 1024))
        elif kind == "circle":
            group = file.create_group("x")
            group["x"] = group
        else:
            file.create_dataset("x", data=np.array(["a", "b"], object), dtype=h5py.string_dtype())
    return held.getvalue()


def _model_config(change: Callable[[dict[str, Any]], None]) -> Spoil:
    def spoil(folder: Path) -> None:
        import h5py

        with h5py.File(folder / "m.h5", "r+") as file:
            text = file.attrs["model_config"]
            edited = _edited(text, lambda config: change(config["config"]["layers"][-1]))
            file.attrs["model_config"] = edited

    return spoil


def _linked(folder: Path) -> None:
    shard = folder / "m" / "group1-shard1of1.bin"
    shard.rename(folder / "elsewhere.bin")
    shard.symlink_to(folder / "elsewhere.bin")


def claimed(size: int) -> bytes:
    """Return a size as eight bytes, little-endian."""
    return struct.pack("<Q", size)
