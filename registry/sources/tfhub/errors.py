"""What goes wrong with a module's server, in words that say what to do."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError

from registry.errors import ZooError

MOVED = "most of tfhub.dev has moved to Kaggle: zoo search WORDS --in kaggle"


@contextmanager
def told(what: str, target: Path | None = None) -> Iterator[None]:
    """Turn what goes wrong on the way into one error.

    Args:
        what: what is asked for.
        target: the file that is downloaded; None where none is.
    """
    try:
        yield
    except HTTPError as error:
        raise _refusal(what, error) from error
    except (URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error
        hint = "run it again: it goes on where it ended" if target else "is the network up, and the address right?"
        raise ZooError(f"the connection for {what} broke: {reason}", hint) from error
    except ValueError as error:  # also of msgspec and check_path: the server's words
        raise ZooError(f"{what} cannot be read: {error}", MOVED) from error
    except OSError as error:
        raise ZooError(
            f"cannot write {target}: {error.strerror or error}", "is the disk full, or read-only?"
        ) from error


def _refusal(what: str, error: HTTPError) -> ZooError:
    reason, *_ = str(error.reason).split("\n")
    got = f"HTTP {error.code} {reason}".strip()
    error.close()
    if error.code in (404, 410):
        return ZooError(f"there is no {what}: {got}", MOVED)
    if error.code in (401, 403):
        return ZooError(f"the server refuses {what}: {got}", "download it by other means, then zoo pull file:./FOLDER")
    if error.code < 400:
        return ZooError(f"{what} leads nowhere: {got}", MOVED)
    return ZooError(f"the server fails at {what}: {got}", "try again later")
