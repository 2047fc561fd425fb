"""PyTorch's tensors in a pickle: what the calls that pickle a tensor mean, none of them called.

A tensor is `_rebuild_tensor_v2(storage, offset, shape, strides, …)`, offset and strides counted in numbers
(torch/_utils.py); a storage is the persistent id `("storage", FloatStorage, key, device, count)`
(torch/serialization.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from registry.errors import ZooError
from transfer.files.shown import shown
from transfer.files.source import Source
from transfer.weights.readers import pickle_arrays
from transfer.weights.readers.pickle_tree import PLAIN, Call, Persistent, Symbol
from transfer.weights.readers.stored import Stored, checked

DTYPES: dict[str, Any] = {
    "float64": np.float64, "float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16,
    "int64": np.int64, "int32": np.int32, "int16": np.int16, "int8": np.int8, "uint8": np.uint8, "bool": np.bool_,
    "uint16": np.uint16, "uint32": np.uint32, "uint64": np.uint64, "complex64": np.complex64,
    "complex128": np.complex128, "float8_e4m3fn": ml_dtypes.float8_e4m3fn, "float8_e5m2": ml_dtypes.float8_e5m2,
    "float8_e4m3fnuz": ml_dtypes.float8_e4m3fnuz, "float8_e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
}  # fmt: skip
STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}  # fmt: skip
UNTYPED = ("torch.storage.UntypedStorage", "torch.UntypedStorage")
TENSOR_V1, TENSOR_V2, TENSOR_V3 = (f"torch._utils._rebuild_tensor{version}" for version in ("", "_v2", "_v3"))
WRAPPED = {"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"}
FROM_TYPE = "torch._tensor._rebuild_from_type_v2"
QUANTISED, SPARSE = "quantised", "sparse"
REFUSED = {
    "torch._utils._rebuild_qtensor": QUANTISED,
    **dict.fromkeys((f"torch.Q{kind}Storage" for kind in ("Int8", "Int32", "UInt8", "UInt4x2", "UInt2x4")), QUANTISED),
    **dict.fromkeys((f"torch._utils._rebuild_sparse{kind}tensor" for kind in ("_", "_csr_")), SPARSE),
    "torch.serialization._get_layout": SPARSE,
    "torch._utils._rebuild_nested_tensor": "nested",
    "torch._utils._rebuild_meta_tensor_no_storage": "empty (meta)",
}
SYMBOLS = {
    *(f"torch.{name}" for name in (*STORAGES, *DTYPES, "Size", "device", "Tensor", "nn.parameter.Parameter")),
    *("torch.nn.parameter.Buffer", "torch.float", "torch.double", "torch.half", "torch.long", "torch.int"),
    *(TENSOR_V1, TENSOR_V2, TENSOR_V3, FROM_TYPE, *UNTYPED, *WRAPPED, *PLAIN, *pickle_arrays.SYMBOLS),
}
DEEPEST = 8  # parameters around parameters


def admit(symbol: Symbol, where: str) -> None:
    """Refuse a name that no state dict has.

    Raises:
        ZooError: it names code, a class of someone's own, or a kind of tensor that cannot be read.
    """
    name = str(symbol)
    if name in SYMBOLS:
        return
    if name in REFUSED:
        raise ZooError(
            f"{where} holds {REFUSED[name]} tensors ({name}); expected dense tensors of plain numbers",
            "save them as such: {name: tensor.dequantize().to_dense() for each of model.state_dict()}",
        )
    module = "torch.nn.modules." in name or symbol.name[:1].isupper()
    what = "holds an object of the class" if module else "wants to run"
    raise ZooError(
        f"{where} {what} {shown(name, 200)}, which is code; expected only tensors, arrays, dictionaries and lists",
        "save the weights alone: torch.save(model.state_dict(), 'weights.pth')",
    )


class Tensors:
    """Finds the tensors of one pickle.

    Args:
        storage: returns the bytes of a storage by its key.
        arrays: finds NumPy arrays, which a checkpoint may hold as well.
        where: the file, as an error calls it.
        swapped: whether the storages are in the other byte order than this machine's.
    """

    def __init__(
        self, storage: Callable[[str], Source], arrays: pickle_arrays.Arrays, where: str, swapped: bool = False
    ) -> None:
        self._storage, self._arrays, self._where, self._swapped = storage, arrays, where, swapped

    def tensor(self, call: Call) -> Stored | None:
        """Return the tensor or array that a call makes, or None where it makes neither.

        Raises:
            ZooError: it is damaged, or does not lie within its storage.
        """
        try:
            return self._tensor(call)
        except (TypeError, ValueError, LookupError) as error:
            raise ZooError(f"{self._where} holds a tensor that is damaged: {shown(error, 100)}") from error

    def _tensor(self, call: Call) -> Stored | None:
        for _ in range(DEEPEST):
            function, arguments = str(call.function), call.arguments
            if function in WRAPPED:
                call = _call(arguments[0])
            elif function == FROM_TYPE:
                if not isinstance(arguments[0], Symbol) or not isinstance(arguments[2], tuple):
                    raise ValueError("it is made by something that is no name")
                call = Call(arguments[0], arguments[2])
            elif function in (TENSOR_V1, TENSOR_V2, TENSOR_V3):
                return checked(self._stored(function, arguments), self._where)
            else:
                return self._arrays.array(call)
        raise ValueError(f"it is wrapped more than {DEEPEST} times")

    def _stored(self, function: str, arguments: tuple[Any, ...]) -> Stored:
        storage, offset, shape, strides = arguments[:4]
        kind, key, view = storage_of(storage, self._where)
        dtype = arguments[6] if function == TENSOR_V3 else kind
        extras = arguments[{TENSOR_V1: 4, TENSOR_V2: 6, TENSOR_V3: 7}[function] :]
        if any(isinstance(extra, dict) and extra for extra in extras):
            raise ValueError("it is a view that conjugates or negates its numbers")
        return Stored(
            self._storage(key), dtype_of(dtype), _size(shape), _size(strides), offset + view, swapped=self._swapped
        )


def storage_of(reference: Any, where: str) -> tuple[Symbol, str, int]:
    """Return a storage's type and key, and where the view of it begins that the oldest files name.

    Raises:
        ZooError: the reference is none to a storage.
    """
    id = reference.id if isinstance(reference, Persistent) else None
    if not isinstance(id, tuple) or len(id) not in (5, 6) or id[0] != "storage":
        raise ZooError(f"{where} refers to something that is no storage of a tensor; expected only tensors")
    kind, key, _, _, *view = id[1:]
    if not isinstance(kind, Symbol) or not isinstance(key, str):
        raise ZooError(f"{where} refers to a storage of no known type; expected such as torch.FloatStorage")
    start = view[0][1] if view and isinstance(view[0], tuple) and len(view[0]) == 3 else 0
    return kind, key, start


def dtype_of(symbol: Any) -> np.dtype[Any]:
    """Return the type of the numbers that a type of storage, or of tensors, holds.

    Raises:
        ValueError: it is none of PyTorch's.
    """
    name = str(symbol).removeprefix("torch.") if isinstance(symbol, Symbol) else ""
    name = STORAGES.get(name, name)
    if name not in DTYPES:
        raise ValueError(f"its numbers are of the type {shown(symbol)}")
    found: np.dtype[Any] = np.dtype(DTYPES[name])
    return found


def _call(value: Any) -> Call:
    if not isinstance(value, Call):
        raise ValueError("a parameter holds no tensor")
    return value


def _size(value: Any) -> tuple[int, ...]:
    if isinstance(value, Call) and str(value.function) == "torch.Size":
        value = value.arguments[0]
    if not isinstance(value, tuple | list):
        raise ValueError("its shape or strides are no tuple")
    return tuple(value)
