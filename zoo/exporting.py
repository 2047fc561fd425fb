"""From a model to a file of another format, which is compared with the model before it is put into place."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.errors import ZooError
from registry.model import Model
from registry.shelf import Shelf
from registry.watch import Watch, silent
from zoo.opening import open_model
from zoo.output import size
from zoo.paths import typed_path
from zoo.starting import start_tensorflow

if TYPE_CHECKING:
    from transfer.backbone import Backbone
    from transfer.exporters.exported import Checked
    from transfer.exporters.table import Exporter
    from transfer.inputs import Arrays

BATCH = 2  # of the samples that are compared


@dataclass(frozen=True)
class Export:
    """A model, what it becomes, and where that goes.

    Attributes:
        model: of the catalogue.
        exporter: of the format.
        path: the file or folder.
        force: whether to replace what is there.
    """

    model: Model
    exporter: Exporter
    path: Path
    force: bool = False

    def run(self, watch: Watch = silent, *, keep: bool = True) -> Exported:
        """Write it beside its place, compare it with the model, and rename it.

        Args:
            watch: called with progress.
            keep: False to remove it again instead (`--dry-run`).

        Raises:
            ZooError: the format cannot hold the model, or the file computes other numbers; nothing has been changed.
        """
        start_tensorflow()
        shelf = Shelf()
        from transfer.exporters.ends import said
        from transfer.exporters.exported import About

        backbone = open_model(shelf, self.model)
        inputs = samples(shelf, self.model, backbone)
        with _folder_beside(self.path) as folder:
            made = folder / self.path.name
            watch("export", 0, 2, self.exporter.format)
            notes = self.exporter.write(backbone.model, made, About(self.model.name, self.model.revision))
            notes += said(backbone, self.model.card)
            watch("export", 1, 2, "comparing")
            checked = self.exporter.check(backbone.model, made, inputs)
            watch("export", 2, 2)
            taken = _size_of(made)
            if keep:
                _place(made, self.path, folder, force=self.force)
        return Exported(self.model, self.exporter, self.path, taken, checked, notes, kept=keep)


@dataclass(frozen=True)
class Exported:
    """A model in another format.

    Attributes:
        model, exporter, path: of what, as what, and where.
        bytes: the size of the file, or of all files of the folder.
        checked: how far its numbers are from the model's.
        notes: what the user should know, a sentence each.
        kept: whether it is there; not after a dry run.
    """

    model: Model
    exporter: Exporter
    path: Path
    bytes: int
    checked: Checked
    notes: tuple[str, ...] = ()
    kept: bool = True

    @property
    def document(self) -> dict[str, Any]:
        """What `zoo export --json` prints."""
        return {
            "name": self.model.name, "revision": self.model.revision, "format": self.exporter.format,
            "path": str(self.path), "bytes": self.bytes, "max_abs_difference": self.checked.largest,
            "max_rel_difference": self.checked.relative, "compared_with": self.checked.compared_with,
            "notes": self.notes, "written": self.kept,
        }  # fmt: skip

    @property
    def page(self) -> str:
        """What `zoo export` prints."""
        checked, options = self.checked, self.exporter.back.format(name=self.model.name)
        facts = [
            ("model", self.model.ref),
            ("format", f"{self.exporter.format}, {self.exporter.what}"),
            ("size", size(self.bytes)),
            ("largest difference", f"{checked.largest:.2g} (relative {checked.relative:.2g}), {checked.compared_with}"),
            ("written to" if self.kept else "would go to", str(self.path)),
        ]
        lines = ["\n".join(f"{name + ':':<24}{value}" for name, value in facts)]
        lines += ["\n".join(f"note: {note}" for note in self.notes)] if self.notes else []
        last = (
            f"next: zoo import {shlex.quote(str(self.path))} {options}" if self.kept else "nothing written (--dry-run)"
        )
        return "\n\n".join([*lines, last])


def prepare(ref: str, to: str, path: str | Path | None = None, *, force: bool = False) -> Export:
    """Decide what becomes of a model, and where it goes.

    Args:
        ref: the model.
        to: a format of `transfer.exporters.table`.
        path: the file or folder; by default the model's name with the format's suffix, in the working folder.
        force: whether to replace what is there.

    Raises:
        ZooError: there is no such model or format, or something is at the path.
    """
    from transfer.exporters.table import exporter_of

    exporter = exporter_of(to)
    model = Shelf().find(ref)
    if not model.card.layers:
        raise ZooError(
            f"{model.name} is kept as it came, in the format {model.card.format}, and is no Keras model yet",
            f"zoo import {model.name} --as {model.name}-keras",
        )
    return Export(model, exporter, _free(_target(model, exporter, path), exporter, force), force)


def samples(shelf: Shelf, model: Model, backbone: Backbone) -> Arrays:
    """Return a batch of the model's stored test inputs, prepared; seeded random ones where it has none."""
    from transfer.inputs import feed
    from transfer.samples import random_inputs
    from transfer.stored_test import read

    if not model.card.tests:
        return random_inputs(backbone.model, BATCH)
    stored = read(shelf.folder(model) / model.card.tests)
    fed = feed(stored.inputs, backbone.inputs, backbone.preprocessing, model.card.tests)
    return tuple(array[:BATCH] for array in fed)


def _target(model: Model, exporter: Exporter, path: str | Path | None) -> Path:
    if path is None:
        return Path(model.name.rpartition("/")[2] + exporter.suffix)
    target = typed_path(str(path))
    if exporter.suffix and target.suffix != exporter.suffix:
        raise ZooError(
            f"{target} does not end in {exporter.suffix}, which is what tells {exporter.what}",
            f"--output {target}{exporter.suffix}",
        )
    return target


def _free(path: Path, exporter: Exporter, force: bool) -> Path:
    if not path.parent.is_dir():
        raise ZooError(f"there is no folder {path.parent}", f"mkdir -p {shlex.quote(str(path.parent))}")
    if not path.exists() and not path.is_symlink():
        return path
    if not force:
        raise ZooError(f"{path} exists", "pass --force to replace it, or name another place: --output PATH")
    if exporter.suffix and path.is_dir():
        raise ZooError(f"{path} is a folder, which a file cannot replace", "name another place: --output PATH")
    if not exporter.suffix and not (path / "saved_model.pb").is_file():
        raise ZooError(f"{path} is no SavedModel, so --force does not replace it", "name another place: --output PATH")
    return path


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """Give a folder on the file system of a path; raises `ZooError` where none can be made there."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as name:
            yield Path(name)
    except OSError as error:
        raise ZooError(
            f"cannot write to {path.parent}: {error.strerror or error}", "name another place: --output PATH"
        ) from error


def _place(made: Path, path: Path, folder: Path, *, force: bool) -> None:
    """Rename what was made into its place; a folder that was there goes first, and comes back if that fails."""
    if not force and path.exists():
        raise ZooError(f"{path} has appeared meanwhile", "pass --force to replace it")
    if path.is_symlink():  # what it points to stays as it is
        path.unlink()
    if not (made.is_dir() and path.is_dir()):
        made.replace(path)
        return
    old = folder / "old"
    path.rename(old)
    try:
        made.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old)


def _size_of(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
