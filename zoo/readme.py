"""A model's `README.md`: Hugging Face front matter, and a page for people."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from pathlib import PurePath

from huggingface_hub import EvalResult, ModelCardData

from registry.card import CARD_FILE, Card
from registry.errors import ZooError
from registry.ref import Ref
from zoo.front_matter import hub_license, plain
from zoo.output import figure, size

METRICS = {"test_accuracy": "accuracy"}  # a card's figure: the metric's name on the Hub
DATASET = re.compile(r"hf://datasets/([\w.-]+(?:/[\w.-]+)?)")
MOST_LABELS = 20
GRAPH_LAYER = "GraphLayer"  # the one class that plain Keras does not have


def readme(card: Card, *, paths: Collection[str] = (), parent_origin: str = "") -> str:
    """Write the page from a card, by https://huggingface.co/docs/hub/model-cards.

    Args:
        card: the model; what it does not say is left out.
        paths: the model's files, where the card does not list them yet.
        parent_origin: where the parent was pulled from, if it was.
    """
    head = f"---\n{front_matter(card, parent_origin).to_yaml()}\n---\n\n# {card.name}\n"
    summary = plain(card.summary)
    parts = [
        head, f"{summary}\n" if summary else "", _figures(card), _use(card), _input(card), _labels(card),
        _files(card, paths), _layers(card), _origin(card),
    ]  # fmt: skip
    return "\n".join(part for part in parts if part)


def front_matter(card: Card, parent_origin: str = "") -> ModelCardData:
    """Return the front matter's fields; those that are not known are left out."""
    parent = card.lineage.parent if card.lineage else ""
    dataset = DATASET.match(card.lineage.data) if card.lineage else None
    license, license_name = hub_license(card.license)
    evaluated = _evaluated(card)
    return ModelCardData(
        license=license,
        license_name=license_name,
        library_name="keras",
        pipeline_tag=plain(card.task) or None,
        tags=["zoo", *(tag for tag in map(plain, card.tags) if tag)],
        base_model=hub_id(parent) or hub_id(parent_origin),
        datasets=[dataset[1]] if dataset else None,
        metrics=[metric for name, metric in METRICS.items() if name in card.metrics] or None,
        model_name=card.name if evaluated else None,
        eval_results=evaluated or None,
    )


def hub_id(text: str) -> str | None:
    """Return the Hub's name of a model; None for what does not lie there, which its page would link to nothing.

    >>> hub_id("hf://org/name@3f2a9c0"), hub_id("mnist-dnn@3f2a9c0"), hub_id("model.ckpt")
    ('org/name', None, None)
    """
    try:
        ref = Ref.parse(text)
    except ZooError:
        return None
    return ref.name if ref.source == "hf" else None


def _evaluated(card: Card) -> list[EvalResult]:
    if card.lineage is None or not plain(card.task) or not card.lineage.data:
        return []
    dataset = DATASET.match(card.lineage.data)
    name = _data_name(card)
    return [
        EvalResult(
            task_type=plain(card.task), dataset_type=dataset[1] if dataset else name.rpartition(":")[2],
            dataset_name=name, dataset_split="test", metric_type=metric, metric_value=value,
        )
        for key, metric in METRICS.items()
        if isinstance(value := card.metrics.get(key), float) and math.isfinite(value)
    ]  # fmt: skip


def _data_name(card: Card) -> str:
    """Name the data of a run; of a path its last part, for the rest is nobody's business."""
    data = card.lineage.data if card.lineage else ""
    return plain(data if ":" in data else PurePath(data).name)


def _figures(card: Card) -> str:
    return _table(("figure", "value"), [(name, figure(value)) for name, value in card.metrics.items()])


def _use(card: Card) -> str:
    return (
        "## How to use it\n\n"
        "Pull it by the address where you found this page, `hf://OWNER/NAME` or `oci://HOST/NAME:TAG`:\n\n"
        f"```\nzoo pull hf://OWNER/{card.name.rpartition('/')[2]} --as {card.name}\nzoo show {card.name}\n```\n\n"
        f'```python\nimport zoo\n\nmodel = zoo.load("{card.name}").model\n```\n'
        f"{_plain_keras(card)}"
    )


def _plain_keras(card: Card) -> str:
    """Show how a file that begins with its preprocessing is used without zoo; empty where it does not."""
    how = card.preprocessing
    if how is None or not how.embedded or len(card.inputs) > 1 or GRAPH_LAYER in {layer.type for layer in card.layers}:
        return ""
    sizes = (1, *((480, 640, *(how.shape[2:] or (1,))) if how.resize else how.shape))
    what = "an image of any size" if how.resize else "a raw sample"
    return (
        "\nOr without zoo, in plain Keras, which gives the file raw samples:\n\n"
        "```python\nimport keras\nimport numpy as np\n\n"
        f'model = keras.saving.load_model("{card.weights}")\n'
        f'outputs = model.predict(np.zeros({sizes}, "{how.dtype}"))  # {what}\n```\n'
    )


def _input(card: Card) -> str:
    parts = [f"`{spec.name}`, {_shape(spec.shape)} {spec.dtype}" for spec in card.inputs]
    rows = [f"Input: {'; '.join(parts)}.\n"] if parts else []
    raw = card.preprocessing
    if raw:
        shape = (None, None, *(raw.shape[2:] or (1,))) if raw.resize else raw.shape
        rows.append(
            f"Raw samples are {_shape(shape)} {raw.dtype}. Integers are prepared as `{raw.formula}` "
            "and\nreshaped; floating-point numbers are taken as prepared and only reshaped.\n"
        )
        if raw.embedded:
            rows.append(
                f"`{card.weights}` begins with these steps, in layers `preprocess>...`; `zoo` leaves them out.\n"
            )
    return "\n".join(rows)


def _labels(card: Card) -> str:
    if not card.classes:
        return ""
    shown = ", ".join(f"`{_cell(name)}`" for name in card.classes[:MOST_LABELS])
    more = f" and {len(card.classes) - MOST_LABELS} more, in `{CARD_FILE}`" if len(card.classes) > MOST_LABELS else ""
    return f"Labels, in the order of the outputs: {shown}{more}.\n"


def _files(card: Card, paths: Collection[str]) -> str:
    sizes = {file.path: size(file.bytes) for file in card.files}
    known = set(sizes) or set(paths) or {card.weights, card.tests}
    listed = sorted(known - {"", "README.md"} | {CARD_FILE})
    return _table(("file", "holds", "size"), [(path, _holds(card, path), sizes.get(path, "")) for path in listed])


def _holds(card: Card, path: str) -> str:
    if path == card.weights or path.startswith(f"{card.weights}."):  # the files of a checkpoint's prefix
        return f"the weights ({card.format})"
    parts = {
        card.tests: "stored inputs, and the outputs that belong to them",
        card.data: "the default data",
        CARD_FILE: "the card: what the program knows of the model",
    }
    return parts.get(path, "the weights (safetensors)" if path.endswith(".safetensors") else "")


def _layers(card: Card) -> str:
    return _table(
        ("layer", "type", "parameters"), [(layer.name, layer.type, f"{layer.parameters:,}") for layer in card.layers]
    )


def _origin(card: Card) -> str:
    origin = card.lineage
    if origin is None:
        return ""
    if not origin.reuse:
        return f"Imported from `{origin.parent}`.\n"
    return (
        f"Made from `{origin.parent}`: the layers `{origin.reuse}` ({', '.join(origin.reused)}) were reused and\n"
        f"trained on `{_data_name(card)}` (fingerprint `{origin.fingerprint[:12]}`) in the run `{origin.run}`.\n"
    )


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [headers, ["---"] * len(headers), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return plain(text).replace("|", "\\|")


def _shape(shape: Sequence[int | None]) -> str:
    """Write a shape as the README does: `(n, 28, 28)`."""
    sizes = ["n" if part is None else str(part) for part in shape]
    return f"`({', '.join(sizes)}{',' if len(sizes) == 1 else ''})`"
