"""What a reference names, in the words of Kaggle's API."""

from __future__ import annotations

import re
from typing import Any

from registry.errors import ZooError, near
from registry.extras import need
from registry.ref import Ref
from registry.sources.kaggle.errors import EXTRA


def version_of(ref: Ref) -> int | None:
    """Return the version that a reference asks for; None for the newest.

    Raises:
        ZooError: it is no number.
    """
    if ref.revision is None:
        return None
    if re.fullmatch(r"[1-9][0-9]{0,8}", ref.revision):
        return int(ref.revision)
    raise ZooError(
        f"{str(ref)!r}: expected a version's number behind the @, got {ref.revision!r}",
        f"kaggle://{ref.name}@1, or without @ for the newest",
    )


def where_is(ref: Ref) -> dict[str, Any]:
    """Return the fields of a request that name a variation.

    Raises:
        ZooError: Kaggle does not know the framework.
    """
    owner, model, framework, variation = ref.name.split("/")
    enum, known = need("kagglehub.enum", EXTRA), need("kagglesdk.models.types.model_enums", EXTRA).ModelFramework
    try:
        kind = enum.to_enum(known, framework)
    except ValueError as error:
        names = [enum.enum_to_str(item) for item in known if item.value]
        raise ZooError(f"{str(ref)!r}: Kaggle has no framework {framework!r}", near(framework, names)) from error
    return {"owner_slug": owner, "model_slug": model, "framework": kind, "instance_slug": variation}
