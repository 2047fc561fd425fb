"""What goes wrong at a place, in words: each file system has errors of its own."""

from __future__ import annotations

from registry.errors import ZooError

S3_LOGIN = "run aws configure, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; a public bucket: FSSPEC_S3_ANON=true"


def no_bucket(error: Exception) -> bool:
    """Say whether S3 answered that it has no such bucket; s3fs keeps its answer as the cause."""
    said = getattr(error.__cause__, "response", None) or {}
    return bool(said.get("Error", {}).get("Code") == "NoSuchBucket")


def unwritable(url: str, reason: str) -> ZooError:
    """Say that a place cannot be written; what is not there is a folder above it, which cannot be made."""
    return ZooError(f"{url} cannot be written: {reason}", "choose a folder that you can write to")


def explained(error: Exception, url: str) -> ZooError:
    """Put what a file system or its library raised into words."""
    scheme, _, rest = url.partition("://")
    text = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
    kind = type(error).__name__
    if kind in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"):
        return ZooError(f"{url} needs a login, and none was found: {text}", S3_LOGIN)
    if isinstance(error, PermissionError):
        return ZooError(f"{url} may not be used: {text}", S3_LOGIN if scheme == "s3" else "look at its permissions")
    if no_bucket(error):
        bucket = rest.partition("/")[0]
        return ZooError(f"there is no bucket {bucket!r} (asked for {url})", f"aws s3 mb s3://{bucket} makes it")
    if isinstance(error, FileNotFoundError):
        return ZooError(f"there is no {url}", "check the address")
    if kind.endswith(("ConnectionError", "TimeoutError", "ConnectorError")) or isinstance(error, ConnectionError):
        hint = "is AWS_ENDPOINT_URL right?" if scheme == "s3" else "is the address right?"
        return ZooError(f"the server of {url} cannot be reached: {text}", hint)
    return ZooError(f"{url} cannot be used: {text}")
