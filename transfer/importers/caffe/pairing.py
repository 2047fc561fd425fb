"""Which prototxt and which caffemodel belong together."""

from __future__ import annotations

from pathlib import Path

from registry.errors import ZooError

MODEL, NET = ".caffemodel", ".prototxt"


def claims(path: str) -> bool:
    """Tell whether a path is a caffemodel, a prototxt, or a folder with one caffemodel in it."""
    place = Path(path)
    if place.is_dir():
        return any(place.glob(f"*{MODEL}"))
    return place.suffix in (MODEL, NET) and place.is_file()


def pair(path: Path, prototxt: Path | None = None) -> tuple[Path | None, Path]:
    """Return the prototxt, where there is one, and the caffemodel.

    Args:
        path: either of them, or the folder that holds them.
        prototxt: the prototxt, where it is stated.

    Raises:
        ZooError: there are none, or several and the names do not tell which; the message lists them.
    """
    if path.is_dir():
        model = _only(sorted(path.glob(f"*{MODEL}")), path)
    elif path.suffix == NET:
        model, prototxt = model_of(path, sorted(path.parent.glob(f"*{MODEL}"))), path
    else:
        model = path
    if prototxt is None:
        found = sorted(file for file in model.parent.glob(f"*{NET}") if "solver" not in file.name.lower())
        prototxt = net_of(model, found)
    for file in (model, prototxt):
        if file is not None and not file.is_file():
            raise ZooError(f"there is no file {file}")
    return prototxt, model


def net_of(model: Path, found: list[Path]) -> Path | None:
    """Choose a caffemodel's prototxt: that of its name, then the one for deployment, then the only one.

    >>> net_of(Path("net.caffemodel"), [Path("deploy.prototxt"), Path("train_val.prototxt")]).name
    'deploy.prototxt'
    """
    stem = model.stem.lower()
    deploying = [file for file in found if "deploy" in file.stem.lower()]
    for names in ({stem}, {f"{stem}_deploy", f"deploy_{stem}", f"{stem}-deploy"}, {"deploy"}):
        for file in found:
            if file.stem.lower() in names:
                return file
    for choice in (deploying, found):
        if len(choice) == 1:
            return choice[0]
    if found:
        raise ZooError(
            f"{model} can belong to {len(found)} prototxt files: {_names(found)}",
            f"keep the right one beside it as {model.stem}{NET}, or import the .prototxt itself",
        )
    return None


def model_of(net: Path, found: list[Path]) -> Path:
    """Choose a prototxt's caffemodel: that of its name, then the only one.

    Raises:
        ZooError: there is none, or the names do not tell which.
    """
    same = [file for file in found if file.stem.lower() == net.stem.lower()]
    return same[0] if same else _only(found, net.parent)


def _only(found: list[Path], folder: Path) -> Path:
    if len(found) != 1:
        what = f"{len(found)} caffemodels: {_names(found)}" if found else "no .caffemodel"
        hint = (
            "import the .caffemodel itself" if found else "put the one that holds the net's weights beside the prototxt"
        )
        raise ZooError(f"the folder {folder} has {what}; expected one", hint)
    return found[0]


def _names(files: list[Path]) -> str:
    return ", ".join(file.name for file in files[:12])
