"""From a foreign file to a model that is ready for the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from registry.card import Lineage
from registry.errors import ZooError
from registry.shelf import Shelf
from registry.spot import Spot
from registry.watch import Watch, silent
from zoo.front_matter import Facts
from zoo.opening import find_file, open_model
from zoo.paths import typed_path
from zoo.publishing import Importable
from zoo.starting import start_tensorflow

if TYPE_CHECKING:
    from transfer.backbone import Backbone
    from transfer.imported import Imported
    from transfer.weights.matching.rules import Rules


@dataclass(frozen=True)
class Request:
    """What a user wants of a file.

    Attributes:
        path: the file, folder or prefix; or a catalogued model that was kept as it came.
        name: the new model's name.
        input, output: tensor names, where the file does not say; several with commas between.
        signature: which of a SavedModel's signatures.
        into: the architecture that weights alone go into: `keras:MobileNetV2`, or a model of the catalogue.
        rules: a file of rules from the weights' names to the architecture's, or `MODEL:FILE`.
        allow_partial: regexes of weights that may lack a value, and of names that may be left over.
        preprocess: how raw data become the input, where the file does not say (`transfer.preprocessing`).
        classes: the names of the outputs, in their order, before those of the file; of one output those of two classes.
        update: add a revision to a name that exists.
    """

    path: str
    name: str
    input: str | None = None
    output: str | None = None
    signature: str | None = None
    into: str | None = None
    rules: str | None = None
    allow_partial: tuple[str, ...] = ()
    preprocess: str | None = None
    classes: tuple[str, ...] = ()
    update: bool = False

    def __post_init__(self) -> None:
        if self.into is None and (self.rules or self.allow_partial):
            raise ZooError("--map and --allow-partial say how weights go into an architecture", "name it: --into NAME")
        if self.into is not None and (self.input or self.output or self.signature):
            raise ZooError("--input, --output and --signature choose parts of a graph, and --into takes weights alone")
        _check_names(self.classes)

    def read(self, watch: Watch = silent) -> Importable:
        """Read the file and turn it into a Keras model; nothing is stored yet.

        Raises:
            ZooError: the name is taken, the file cannot be read, or the result computes other numbers.
        """
        spot, shelf = Spot(self.name, update=self.update), Shelf()
        shelf.check_free(spot)
        path, parent = _place(shelf, self.path)
        start_tensorflow()
        imported = self._filled(shelf, path, watch) if self.into else self._converted(path, watch)
        choices = {"into": self.into, "map": self.rules and Path(self.rules).name}
        lineage = Lineage(parent, plan={key: value for key, value in choices.items() if value})
        facts = Facts(summary=_summary(imported, self.into), tags=("imported",))
        return Importable(_remarked(self._prepared(self._named(imported))), spot, lineage, facts)

    def _converted(self, path: str, watch: Watch) -> Imported:
        from transfer.importers.table import importer_for

        found: Imported = importer_for(path).read(
            path, watch, input=self.input, output=self.output, signature=self.signature
        )
        return found

    def _filled(self, shelf: Shelf, path: str, watch: Watch) -> Imported:
        from transfer.weights.fill import fill
        from transfer.weights.table import reader_for

        assert self.into is not None
        place = Path(path)
        foreign, rules = reader_for(place).read(place), _rules(shelf, self.rules)
        base = _architecture(shelf, self.into)
        try:
            imported: Imported = fill(base.model, foreign, rules, self.allow_partial, watch)
        except ZooError as error:
            raise ZooError(f"{self.path} does not go into {self.into}: {error.message}", error.hint) from error
        lacking = [what for what, said in (("preprocessing", self.preprocess), ("classes", self.classes)) if not said]
        stated = [what for what in lacking if not getattr(imported, what) and getattr(base, what)]
        said = (f"{' and '.join(stated)} taken from {self.into}",) if stated else ()
        return replace(
            imported,
            preprocessing=imported.preprocessing or base.preprocessing,
            classes=imported.classes or base.classes,
            notes=(*imported.notes, *said),
        )

    def _named(self, imported: Imported) -> Imported:
        """Take the user's word on the classes before the file's."""
        if not self.classes:
            return imported
        from transfer.class_names import answers

        return replace(imported, classes=self.classes, target=answers(imported.model, self.classes))

    def _prepared(self, imported: Imported) -> Imported:
        """Take the user's word on the preprocessing before the file's."""
        if self.preprocess is None:
            return imported
        from transfer.preprocessing import parse_preprocessing

        if len(imported.model.inputs) != 1:
            raise ZooError("--preprocess is for models with one input", "pass prepared floating-point arrays instead")
        shape = imported.model.inputs[0].shape[1:]
        return replace(imported, preprocessing=parse_preprocessing(self.preprocess, shape))


def _check_names(names: Sequence[str]) -> None:
    if not all(name.strip() for name in names):
        raise ZooError(f"--classes {','.join(names)!r} has an empty name in it", "such as --classes cat,dog")
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise ZooError(f"--classes {','.join(names)!r} names the class {twice!r} twice", "give each another name")


def _remarked(imported: Imported) -> Imported:
    """Say where a model scales its input itself, so that its preprocessing is to leave numbers alone."""
    from transfer.own_scaling import own_scaling

    found = own_scaling(imported.model)
    remark = found.remark(imported.preprocessing) if found else ""
    return replace(imported, notes=(*imported.notes, remark)) if remark else imported


def _place(shelf: Shelf, text: str) -> tuple[str, str]:
    """Return the path to read and what to call it in the lineage: a file's name, or a catalogued model's reference."""
    from transfer.importers.metagraph.prefix import prefix_of

    path = typed_path(text)
    expanded = f"{path}/" if text.endswith("/") else str(path)  # a checkpoint's prefix may end in a slash
    if not path.exists() and prefix_of(expanded) is None:
        try:
            model = shelf.find(text)
        except ZooError:
            return expanded, path.name  # whoever reads it says what is wrong
        return f"{shelf.folder(model)}/{model.card.weights}", model.ref
    return expanded, path.name


def _architecture(shelf: Shelf, text: str) -> Backbone:
    from transfer.backbone import Backbone
    from transfer.weights.architectures import architecture, is_architecture

    return Backbone(architecture(text)) if is_architecture(text) else open_model(shelf, shelf.find(text))


def _rules(shelf: Shelf, text: str | None) -> Rules | None:
    if text is None:
        return None
    from transfer.weights.matching.rules import parse

    where = find_file(shelf, text)
    try:
        return parse(where.path.read_text(encoding="utf-8"), where.name)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ZooError(f"cannot read the rules {where.name}: {reason}") from error


def _summary(imported: Imported, into: str | None) -> str:
    return f"imported from a {imported.format} checkpoint" + (f" into {into}" if into else "")
