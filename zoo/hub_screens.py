"""Pages and JSON documents about other places: what `search`, `pull` and `publish` print. Text only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from registry.formats import UNKNOWN
from registry.model import Model, Summary
from registry.ref import MAIN
from registry.sources.remote import Found
from zoo.output import day, size, table

if TYPE_CHECKING:
    from zoo.pulling import Pull, Pulled
    from zoo.pushing import Publication, Published


def publish_document(publication: Publication, done: Published | None) -> dict[str, Any]:
    """Return what `zoo publish --json` prints; `url` is None where it went nowhere else."""
    pushed = done.pushed if done else None
    return {
        "name": publication.name, "revision": done.model.revision if done else None,
        "url": pushed.url if pushed else None, "ref": str(pushed.ref) if pushed else None,
        "files": publication.paths, "signed": done.signed if done else None,
    }  # fmt: skip


def publish_page(publication: Publication, done: Published | None) -> str:
    """Return what `zoo publish` prints."""
    files, target = ", ".join(publication.paths), publication.terms.to
    if done is None:
        where = f" to {target}" if target else ""
        return f"would publish {publication.name}{where} with {files} (--dry-run)"
    signed = ", signed" if done.signed else ""
    lines = [f"published {done.model.ref} with {files}{signed}"]
    if done.pushed:
        lines += [f"to {done.pushed.url}", f"next: zoo pull {done.pushed.ref}"]
    else:
        lines.append(f"next: zoo show {_name_there(publication, done.model)}")
    return "\n".join(lines)


def _name_there(publication: Publication, model: Model) -> str:
    """Return what names the model: its name is that of `main`, which another branch need not be."""
    spot = publication.spot
    return model.name if spot is None or spot.branch == MAIN else f"{model.name}@{spot.branch}"


def found_page(found: Sequence[Summary | Found], where: str | None) -> str:
    """Return what `zoo search` prints."""
    headers = ["name", "task", "downloads", "size", "updated", "license"]
    rows = [
        [one.name, one.task or "-", _count(getattr(one, "downloads", None)), size(one.bytes) if one.bytes else "-",
         one.updated if isinstance(one.updated, str) else day(one.updated), getattr(one, "license", "") or "-"]
        for one in found
    ]  # fmt: skip
    if not rows:
        return f"nothing fits in {where or 'the catalogue here'}"
    if where is None:
        headers, rows = headers[:2] + headers[3:5], [row[:2] + row[3:5] for row in rows]
    following = f"next: zoo pull {found[0].name}" if where else f"next: zoo show {found[0].name}"
    return table(headers, rows, right=["downloads", "size"]) + f"\n\n{following}"


def pull_document(pull: Pull, pulled: Pulled | None) -> dict[str, Any]:
    """Return what `zoo pull --json` prints."""
    imported = pulled.imported if pulled else None
    model = pulled.model if pulled else None
    return {
        "name": model.name if model else pull.spot.name, "revision": model.revision if model else None,
        "format": model.card.format if model else None, "layers": len(model.card.layers) if model else None,
        "mapped": imported.layers if imported else (), "unmapped": list(imported.unmapped) if imported else [],
        "max_abs_difference": imported.max_abs_difference if imported else None,
        "ref": str(pull.offer.listing.ref), "files": [file.path for file in pull.offer.taken],
        "left": pull.offer.left, "bytes": pull.offer.bytes, "known": pull.known is not None,
        "restored": bool(model and pull.known and not pull.whole and pull.known.revision == model.revision),
        "signed": pulled.signed if pulled else None, "kept_because": pulled.reason if pulled else None,
    }  # fmt: skip


def pull_page(pull: Pull, pulled: Pulled | None, words: tuple[str, str] = ("pull", "pulled")) -> str:
    """Return what `zoo pull` prints, and in other words `zoo add`."""
    would, did = words
    ref = pull.offer.listing.ref
    rows = [[file.path, size(file.bytes) if file.bytes is not None else "?"] for file in pull.offer.taken]
    parts = [table(["file", "size"], rows, right=["size"])]
    if pull.offer.left:
        parts.append(table(["left out", "why"], [[path, why] for path, why in pull.offer.left.items()]))
    if pulled is None:
        parts.append(f"would {would} {ref} as {pull.spot.name} (--dry-run)")
        return "\n\n".join(parts)
    model = pulled.model
    if pull.done:
        return f"{ref} is here already: {model.ref}"
    if pull.known and pull.known.revision == model.revision:
        return f"restored {model.ref}, of which stored bytes were damaged, from {ref}"
    if pulled.reason:
        parts.append(f"kept as it came, not imported: {pulled.reason}")
    how = f"imported: {len(model.card.layers)} layers" if pulled.imported else f"format {model.card.format}"
    following = f"next: zoo layers {model.name}" if model.card.layers else _how_to_open(model)
    checked = ", signature checked" if pulled.signed else ""
    if pull.spot.branch != MAIN:
        checked += f", on the branch {pull.spot.branch}; {model.name} is what it was"
    stale = f"\n{pull.known.ref} is still damaged; zoo rm {pull.known.ref} removes it" if pull.known else ""
    parts.append(f"{did} {ref}\nstored as {model.ref} ({how}{checked}){stale}\n{following}")
    return "\n\n".join(parts)


def _how_to_open(model: Model) -> str:
    """Say what to type for a model that is kept as it came."""
    known = model.card.format != UNKNOWN
    return f"next: zoo import {model.name} --as NAME" if known else f"next: zoo show {model.name}"


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
