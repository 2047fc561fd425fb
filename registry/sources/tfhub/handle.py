"""What a module's handle says: a name for the model, and the URLs of its forms."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from registry.ref import check_name


def slug(handle: str) -> str:
    """Make a model's name of a handle: the end of its path, without the publisher.

    >>> slug("https://tfhub.dev/google/imagenet/mobilenet_v2_100_96/feature_vector/5")
    'mobilenet_v2_100_96-feature_vector-5'
    >>> slug("https://tfhub.dev/google/spice/2")
    'spice-2'
    """
    segments = [segment for segment in urlsplit(handle).path.split("/") if segment]
    text = re.sub(r"\.(tar\.gz|tgz|tar)$", "", "-".join(segments[1:][-3:] or segments))
    text = re.sub(r"([._-])[._-]+", r"\1", re.sub(r"[^A-Za-z0-9._-]+", "-", text))[:92].strip("._-")
    return check_name(text.removesuffix(".git") or "module")


def asking(handle: str, form: str) -> str:
    """Return the URL that asks for a module `compressed` or `uncompressed`.

    >>> asking("https://tfhub.dev/google/spice/2", "compressed")
    'https://tfhub.dev/google/spice/2?tf-hub-format=compressed'
    """
    parts = urlsplit(handle)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), ("tf-hub-format", form)])))
