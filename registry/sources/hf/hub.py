"""Which hub a reference means, and what is sent to it.

Any hub that speaks the Hugging Face Hub's protocol will do: `hf://` means the one of `HF_ENDPOINT` (which defaults to
https://huggingface.co), `https://host/owner/name` the one at that host.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from registry.errors import ZooError
from registry.ref import Ref

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PUBLIC = "https://huggingface.co"


@dataclass(frozen=True)
class Hub:
    """A hub.

    Attributes:
        endpoint: its address, `https://huggingface.co`.
        scheme: `hf` for the configured hub, otherwise that of the address.
    """

    endpoint: str
    scheme: str

    @property
    def trusted(self) -> bool:
        """Whether it is the hub that the user configured: no other may see the user's token."""
        return self.endpoint == _configured()

    @property
    def api(self) -> HfApi:
        """The client; it finds the token that `HF_TOKEN` or `hf auth login` left."""
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.endpoint, token=None if self.trusted else False)

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries: the token, and who asks."""
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # it is, lazily

        headers: dict[str, str] = build_hf_headers(token=None if self.trusted else False)
        return headers

    def url(self, repo: str, revision: str, path: str) -> str:
        """Return the address of a file's content."""
        return f"{self.endpoint}/{repo}/resolve/{quote(revision, safe='')}/{quote(path)}"

    def ref(self, repo: str, revision: str | None = None, file: str = "") -> Ref:
        """Return the reference to a repo of this hub.

        Raises:
            ZooError: a hub may have told the name; it is none.
        """
        place = "hf://" if self.scheme == "hf" else f"{self.endpoint}/"
        parsed = Ref.parse(place + repo)
        if parsed.file or parsed.revision:
            raise ZooError(f"{repo!r} is no model name: expected OWNER/NAME")
        return Ref(parsed.name, revision, parsed.source, file)


def hub_of(ref: Ref) -> tuple[Hub, str]:
    """Return the hub that a reference means, and the repo's name on it.

    Raises:
        ZooError: its address is none.
    """
    if ref.source == "hf":
        return hub_at(""), ref.name
    host, _, repo = ref.name.partition("/")
    return hub_at(f"{ref.source}://{host}"), repo


def hub_at(place: str) -> Hub:
    """Return the hub at an address such as `https://hub.example.org:8443`, the configured one where it is empty.

    Raises:
        ZooError: it is no address.
    """
    endpoint = (place if "://" in place else f"https://{place}").rstrip("/") if place else _configured()
    try:
        parts = urlsplit(endpoint)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ZooError(f"{endpoint!r} is no hub's address", "try https://hub.example.org")
    return Hub(endpoint, parts.scheme if place else "hf")


def _configured() -> str:
    return (os.environ.get("HF_ENDPOINT") or PUBLIC).rstrip("/")
