"""The models that come with the package, read where they lie and never copied."""

from __future__ import annotations

from pathlib import Path

from registry.card import CARD_FILE
from registry.errors import DamagedError, ZooError
from registry.model import Model, model_of_text
from registry.ref import MAIN, SHORTEST

PACKAGED = Path(__file__).parents[1] / "shipped"
CHECKOUT = Path(__file__).parents[2] / "models"


class Shipped:
    """A folder of model folders, each with its `zoo.json`; read-only."""

    name = "shipped"

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or (PACKAGED if PACKAGED.is_dir() else CHECKOUT)

    def models(self) -> list[Model]:
        """Return every shipped model, by name."""
        return [self._read(path) for path in sorted(self.root.glob(f"*/{CARD_FILE}"))]

    def find(self, name: str, revision: str | None = None) -> Model | None:
        """Return a shipped model; its one revision may be named by at least 7 characters, or `main`."""
        path = self.root / name / CARD_FILE
        if "/" in name or not path.is_file():
            return None
        model = self._read(path)
        known = revision in (None, MAIN) or (len(revision) >= SHORTEST and model.revision.startswith(revision))
        return model if known else None

    def folder(self, model: Model) -> Path:
        """Return the model's own folder, after a look at whether its files are there in full.

        Raises:
            ZooError: a file is missing or of another size.
        """
        folder = self.root / model.name
        for file in model.card.files:
            path = folder / file.path
            size = path.stat().st_size if path.is_file() else 0
            if size != file.bytes:
                raise ZooError(
                    f"{path} has {size} bytes; the card of {model.name} says {file.bytes}",
                    "install the package again",
                )
        return folder

    def lay(self, model: Model, folder: Path) -> None:
        """Put the model's files into a folder, after a look at every byte.

        Raises:
            ZooError: a file is missing, or is not what the card says.
        """
        from registry.checkouts import lay_file

        source = self.folder(model)
        try:
            for file in model.card.files:
                lay_file(source / file.path, file, folder / file.path)
        except DamagedError as error:
            raise ZooError(f"{model.name}: {error.message}", "install the package again") from error

    def zoo_json(self, model: Model) -> bytes:
        """Return the text that the revision is the sha256 of."""
        return (self.root / model.name / CARD_FILE).read_bytes()

    def _read(self, path: Path) -> Model:
        return model_of_text(path.read_bytes(), self.name, where=str(path))
