"""What Kaggle tells about models: their files, licences, tasks and tags, and those that a search finds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from registry.extras import need
from registry.ref import check_path
from registry.sources.kaggle.client import Call, pages
from registry.sources.kaggle.errors import EXTRA
from registry.sources.remote import Found, RemoteFile

LICENSES = {"CC0: Public Domain": "cc0-1.0", "GPL 2": "gpl-2.0", "GPL 3": "gpl-3.0"}


def files_of(call: Call, where: Mapping[str, Any]) -> tuple[RemoteFile, ...]:
    """Return the files of a version."""
    parts = pages(call, "list_model_instance_version_files", "ApiListModelInstanceVersionFilesRequest", where)
    return tuple(RemoteFile(check_path(file.name), file.size) for part in parts for file in part.files)


def models_for(call: Call, query: str, limit: int) -> list[Any]:
    """Return at most `limit` models that fit the words, each with its variations, the most downloaded first."""
    order = need("kagglesdk.models.types.model_enums", EXTRA).ListModelsOrderBy.LIST_MODELS_ORDER_BY_DOWNLOAD_COUNT
    models: list[Any] = []
    for page in pages(call, "list_models", "ApiListModelsRequest", {"search": query, "sort_by": order}):
        models += page.models
        if len(models) >= limit:
            break
    return [model if model.instances else _with_variations(call, model) for model in models[:limit]]


def _with_variations(call: Call, model: Any) -> Any:
    owner, _, slug = model.ref.partition("/")
    return call("get_model", "ApiGetModelRequest", owner_slug=owner, model_slug=slug)


def found_of(model: Any, variation: Any) -> Found:
    """Describe one variation of a model that was found."""
    framework = need("kagglehub.enum", EXTRA).enum_to_str(variation.framework)
    return Found(
        f"kaggle://{model.ref}/{framework}/{variation.slug}",
        str(variation.version_number or ""),
        "kaggle",
        task_of(model),
        bytes=variation.total_uncompressed_bytes or None,
        tags=tags_of(model),
        updated=model.update_time.date().isoformat() if model.update_time else "",
        license=license_of(variation.license_name),
    )


def license_of(name: str) -> str:
    """Write one of Kaggle's licences as the Hugging Face Hub does.

    >>> license_of("Apache 2.0"), license_of("CC0: Public Domain"), license_of("Attribution 4.0 (CC BY 4.0)")
    ('apache-2.0', 'cc0-1.0', 'cc-by-4.0')
    """
    short = re.search(r"\((CC [^)]+)\)", name)
    return LICENSES.get(name) or (short[1] if short else name).lower().replace(" ", "-")


def tags_of(model: Any) -> tuple[str, ...]:
    """Return the names of a model's tags."""
    return tuple(tag.name for tag in model.tags if tag.name)


def task_of(model: Any) -> str:
    """Read the task from a tag such as `task > computer vision > image classification`."""
    paths = [(tag.full_path or "").split(" > ") for tag in model.tags]
    return next((path[-1].replace(" ", "-") for path in paths if path[0] == "task"), "")
