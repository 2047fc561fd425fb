"""A model's `README.md`: Hugging Face front matter, and a page for people."""

from __future__ import annotations

from huggingface_hub import EvalResult, ModelCardData

from registry.card import Card
from zoo.output import figure


def readme(card: Card) -> str:
    """Write the page from a card, by https://huggingface.co/docs/hub/model-cards."""
    parts = [f"---\n{front_matter(card).to_yaml()}\n---\n", f"# {card.name}\n"]
    parts += [f"{card.summary}\n" if card.summary else "", _figures(card), _layers(card), _origin(card), _use(card)]
    return "\n".join(part for part in parts if part)


def front_matter(card: Card) -> ModelCardData:
    """Return the front matter's fields; those that are not known are left out."""
    reused = card.lineage is not None and bool(card.lineage.reuse)
    return ModelCardData(
        license=card.license or None,
        library_name="keras",
        pipeline_tag=card.task or None,
        tags=["zoo", *card.tags],
        base_model=card.lineage.parent.partition("@")[0] if card.lineage and reused else None,
        model_name=card.name,
        eval_results=_evaluated(card),
    )


def _evaluated(card: Card) -> list[EvalResult] | None:
    accuracy = card.metrics.get("test_accuracy")
    if card.lineage is None or not card.task or not isinstance(accuracy, float):
        return None
    data = card.lineage.data
    return [
        EvalResult(
            task_type=card.task, dataset_type=data.rpartition(":")[2], dataset_name=data, dataset_split="test",
            metric_type="accuracy", metric_value=accuracy,
        )
    ]  # fmt: skip


def _figures(card: Card) -> str:
    rows = [f"| {name} | {figure(value)} |" for name, value in card.metrics.items()]
    return "\n".join(["| figure | value |", "| --- | --- |", *rows, ""]) if rows else ""


def _layers(card: Card) -> str:
    rows = [f"| {layer.name} | {layer.type} | {layer.parameters:,} |" for layer in card.layers]
    return "\n".join(["| layer | type | parameters |", "| --- | --- | --- |", *rows, ""])


def _origin(card: Card) -> str:
    origin = card.lineage
    if origin is None:
        return ""
    if not origin.reuse:
        return f"Imported from `{origin.parent}`.\n"
    return (
        f"Made from `{origin.parent}`: the layers `{origin.reuse}` ({', '.join(origin.reused)}) were reused and\n"
        f"trained on `{origin.data}` (fingerprint `{origin.fingerprint[:12]}`) in the run `{origin.run}`.\n"
    )


def _use(card: Card) -> str:
    return f'```python\nimport zoo\n\nmodel = zoo.load("{card.name}").model\n```\n'
