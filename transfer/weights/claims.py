"""Of which format a file of weights is, by its name and its first and last bytes. Pure: no NumPy, no TensorFlow."""

from __future__ import annotations

import zipfile
from pathlib import Path

from transfer.files.start import is_hdf5

HEAD = 512  # bytes
TAR_AT = 257
TORCH_MAGIC = (
    b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"  # the number with which PyTorch's older files begin, as a pickle has it
)
TABLE_MAGIC = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"  # at the end of a TensorFlow table: LevelDB's number
HEADER_SIZE = 8
TORCH_NAMES = ("pytorch_model.bin.index.json", "pytorch_model.bin")
SAFETENSORS_NAMES = ("model.safetensors.index.json", "model.safetensors")
TORCH_SUFFIXES = (".pt", ".pth", ".pyt", ".torch", ".ptl")
NUMPY_SUFFIXES = (".npz", ".npy", ".pkl", ".pickle", ".p")
OTHERS = {
    b"\x89HDF": "an HDF5 file", b"\x1f\x8b": "packed with gzip", b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz", b"<": "a web page", b"\x93NUMPY": "a NumPy file", b"MATLAB": "a MATLAB file",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself",
}  # fmt: skip
PYTORCH, SAFETENSORS, NUMPY, TF_CHECKPOINT = "pytorch", "safetensors", "numpy", "tf-checkpoint"


def pytorch(path: Path) -> bool:
    """Tell whether a path is a PyTorch file, an index of such, or a folder with one."""
    return kind_of(path) == PYTORCH


def safetensors(path: Path) -> bool:
    """Tell whether a path is a safetensors file, an index of such, or a folder with one."""
    return kind_of(path) == SAFETENSORS


def numpy(path: Path) -> bool:
    """Tell whether a path is a `.npz`, a `.npy` or a pickle of arrays."""
    return kind_of(path) == NUMPY


def tf_checkpoint(path: Path) -> bool:
    """Tell whether a path is a TensorFlow checkpoint: its prefix, one of its files, or a folder with one."""
    return kind_of(path) == TF_CHECKPOINT


def hdf5(path: Path) -> bool:
    """Tell whether a path is an HDF5 file, by its first bytes or its name."""
    return is_hdf5(path)


def caffe(path: Path) -> bool:
    """Tell whether a path is a caffemodel, by its name."""
    return path.is_file() and path.name.lower().endswith(".caffemodel")


def kind_of(path: Path) -> str | None:
    """Return the format of a path, None where it is none of these: by content where that tells, else by name."""
    try:
        if path.is_dir():
            return _folder(path)
        if path.is_file():
            return _by_content(path) or _by_name(path)
    except OSError:
        return None
    return TF_CHECKPOINT if prefix_of(path) else None


def other(start: bytes) -> str:
    """Say what a file is that begins so and is none of these; nothing where that is not known."""
    return next((what for first, what in OTHERS.items() if start.startswith(first)), "")


def is_zip(path: Path) -> bool:
    """Tell whether a file begins as zip archives do."""
    return head(path).startswith(b"PK\3\4")


def head(path: Path) -> bytes:
    """Return the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(HEAD)


def prefix_of(path: Path) -> str | None:
    """Return the prefix of the checkpoint at a path: what its `.index` and `.data-…` files share, or a file of V1."""
    text = str(path)
    if path.is_dir():
        found = sorted(text for text in map(str, path.glob("*.index")))
        return found[-1].removesuffix(".index") if len(found) == 1 else _latest(path, found)
    stem = text.removesuffix(".index") if text.endswith(".index") else text.rpartition(".data-")[0] or text
    if Path(f"{stem}.index").is_file():
        return stem
    return text if path.is_file() and _is_table(path) else None


def _latest(folder: Path, found: list[str]) -> str | None:
    """Return the prefix that the folder's `checkpoint` file names, of those in the folder."""
    state = folder / "checkpoint"
    lines = state.read_text(errors="replace")[:4096].splitlines() if state.is_file() else []
    for line in lines:
        key, _, value = line.partition(": ")
        prefix = str(folder / value.strip('"').rpartition("/")[2])
        if key == "model_checkpoint_path" and f"{prefix}.index" in found:
            return prefix
    return None


def _folder(folder: Path) -> str | None:
    for kind, names in ((SAFETENSORS, SAFETENSORS_NAMES), (PYTORCH, TORCH_NAMES)):
        if any((folder / name).is_file() for name in names):
            return kind
    return TF_CHECKPOINT if any(folder.glob("*.index")) else None


def _by_content(path: Path) -> str | None:
    start = head(path)
    if start.startswith(b"PK\3\4"):
        return _zip(path)
    if start.startswith(b"\x93NUMPY"):
        return NUMPY
    if TORCH_MAGIC in start[:32]:
        return PYTORCH
    if start[HEADER_SIZE : HEADER_SIZE + 1] == b"{" and HEADER_SIZE <= _header(start) <= path.stat().st_size:
        return SAFETENSORS
    return TF_CHECKPOINT if _is_table(path) or prefix_of(path) else None


def _by_name(path: Path) -> str | None:
    name = path.name.lower()
    if name.endswith((".safetensors", ".safetensors.index.json")):
        return SAFETENSORS
    if name.endswith((*TORCH_SUFFIXES, ".bin.index.json")) or (name.endswith(".bin") and "pytorch" in name):
        return PYTORCH
    return NUMPY if name.endswith(NUMPY_SUFFIXES) else None


def _zip(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError):
        return None
    if any(f"/{name}".endswith("/data.pkl") for name in names):
        return PYTORCH
    return NUMPY if names and all(name.endswith(".npy") for name in names) else None


def _header(start: bytes) -> int:
    return int.from_bytes(start[:HEADER_SIZE], "little")


def _is_table(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - len(TABLE_MAGIC), 0))
        return file.read() == TABLE_MAGIC
