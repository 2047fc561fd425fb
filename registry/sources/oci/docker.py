"""What Docker's own settings say of a registry: whether to speak TLS, whom to trust, and who we are.

https://docs.docker.com/reference/cli/dockerd/ (insecure registries),
https://docs.docker.com/engine/security/certificates/.
"""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path
from typing import Any

from registry.errors import ZooError
from registry.extras import need

DOCKER = Path("/etc/docker")
LOOPBACK = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")
HUB, HUB_LOGIN = "docker.io", "https://index.docker.io/v1/"


def is_insecure(host: str, settings: Path = DOCKER) -> bool:
    """Say whether a registry is spoken to without TLS: on this machine, or listed in `daemon.json`.

    >>> is_insecure("localhost:5000"), is_insecure("127.0.0.1"), is_insecure("ghcr.io")
    (True, True, False)
    """
    return bool(LOOPBACK.fullmatch(host)) or host in _listed(settings / "daemon.json")


def certificate(host: str, settings: Path = DOCKER) -> str:
    """Return the file with the certificate authority of a registry; empty where the system's are meant."""
    path = settings / "certs.d" / host / "ca.crt"
    return str(path) if path.is_file() else ""


def login(auth: Any, host: str) -> str:
    """Load what `docker login` or `oras login` has kept for a registry into `oras`'s backend.

    Returns:
        The name and password in the form of HTTP's basic authentication; empty where there is no login.

    Raises:
        ZooError: Docker's file of logins cannot be read.
    """
    need("oras.logger", "oci").logger.set_level(logging.CRITICAL)  # what it has to say is in the errors raised here
    container = need("oras.container", "oci").Container("any/any")
    container.registry = HUB_LOGIN if host == HUB else host
    folder = os.environ.get("DOCKER_CONFIG")
    files = [path] if folder and (path := str(Path(folder) / "config.json")) and Path(path).is_file() else []
    try:
        auth.load_configs(container, files)
    except (OSError, ValueError, LookupError, AttributeError) as error:
        raise ZooError(f"Docker's logins cannot be read: {error}", f"docker login {host}") from error
    return str(vars(auth).get("_basic_auth", ""))


def _listed(path: Path) -> list[str]:
    try:
        return list(json.loads(path.read_bytes())["insecure-registries"])
    except (OSError, ValueError, LookupError, TypeError):
        return []
