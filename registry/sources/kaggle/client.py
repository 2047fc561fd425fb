"""Calls of Kaggle's API through the client of `kagglehub` (https://github.com/Kaggle/kagglehub).

The client brings the address, the credentials (`KAGGLE_API_TOKEN`, `KAGGLE_USERNAME` and `KAGGLE_KEY`, `~/.kaggle`) and
the calls.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.extras import need
from registry.sources.kaggle.errors import EXTRA, told

PAGE = 50

Call = Callable[..., Any]  # (method, request's type, its fields) -> the answer


@contextmanager
def service(what: str, name: str = "", into: Path | None = None) -> Iterator[Call]:
    """Give a function that calls the API; what goes wrong becomes one error about `what`, as `told` has it."""
    clients = need("kagglehub.clients", EXTRA)
    types = need("kagglesdk.models.types.model_api_service", EXTRA)
    try:
        client = clients.build_kaggle_client()
    except Exception as error:  # a bad credentials file, or environment variable
        raise ZooError(f"Kaggle's client cannot be used: {error}", "see ~/.kaggle and KAGGLE_*") from error

    def call(method: str, request: str, **fields: Any) -> Any:
        made = getattr(types, request)()
        for field, value in fields.items():
            setattr(made, field, value)
        with redirect_stdout(io.StringIO()):  # it prints that there is a newer version
            return getattr(client.models.model_api_client, method)(made)

    with told(what, name, into), client:
        yield call


def pages(call: Call, method: str, request: str, fields: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the pages of an answer that has several."""
    token = ""
    while True:
        page = call(method, request, **fields, page_size=PAGE, **({"page_token": token} if token else {}))
        yield page
        if page.next_page_token in ("", token):
            return
        token = page.next_page_token
