"""What goes wrong with Kaggle, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.extras import need

EXTRA = "kaggle"
SETTINGS = "https://www.kaggle.com/settings"


@contextmanager
def told(what: str, name: str = "", into: Path | None = None) -> Iterator[None]:
    """Turn what goes wrong on the way into one error.

    Args:
        what: what is asked for.
        name: the model's name, where it is one.
        into: the folder to which files are downloaded; None where none are.
    """
    requests = need("requests", EXTRA)
    try:
        yield
    except requests.HTTPError as error:
        raise _refusal(what, name, error.response) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "is a newer kagglehub out? pip install -U kagglehub"
        raise ZooError(f"Kaggle's answer for {what} cannot be read: {error!r}", hint) from error
    except requests.RequestException as error:
        hint = "run it again: it goes on where it ended" if into else "is the network up?"
        raise ZooError(f"the connection to Kaggle for {what} broke: {_root(error)}", hint) from error
    except OSError as error:
        raise ZooError(
            f"cannot write to {into}: {error.strerror or error}", "is the disk full, or read-only?"
        ) from error


def _root(error: BaseException) -> BaseException:
    """Return the first fault; `requests` wraps it three times."""
    cause = error.__cause__ or error.__context__
    return _root(cause) if cause else error


def _refusal(what: str, name: str, response: Any) -> ZooError:
    status, reason = _words(response)
    if status == 404:
        return ZooError(f"Kaggle has no {what}: {reason}", "zoo search WORDS --in kaggle")
    if status == 401:
        return ZooError(f"Kaggle does not accept your credentials: {reason}", f"make new ones: {SETTINGS}")
    if status == 403:
        page = "/".join(name.split("/")[:2])
        return ZooError(
            f"Kaggle refuses {what}, or does not have it: {reason}",
            f"accept its licence at https://www.kaggle.com/models/{page} and set KAGGLE_API_TOKEN ({SETTINGS})",
        )
    return ZooError(f"Kaggle fails at {what}: {reason}", "try again later")


def _words(response: Any) -> tuple[int, str]:
    """Read status and reason from an answer, `{"code": 403, "message": "..."}` where it is the API's own."""
    try:
        body = response.json()
        code, message = int(body["code"]), str(body["message"])
    except (ValueError, KeyError, TypeError):
        code, message = response.status_code, response.reason
    status = response.status_code if response.status_code >= 400 else code
    return status, f"HTTP {status} {message}".strip()
