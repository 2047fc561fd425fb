"""On what a run was carried out. Pure: it asks for versions, and imports nothing of what it names."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("zoo", "tensorflow", "keras", "numpy")


@dataclass(frozen=True)
class Environment:
    """Python's version, the system with its processor, how many processors it has, and packages by name."""

    python: str
    platform: str
    cpus: int
    packages: dict[str, str] = field(default_factory=dict)


def environment() -> Environment:
    """Describe this machine and the packages that decide what training comes to."""
    found = {name: known for name in PACKAGES if (known := _version(name))}
    return Environment(platform.python_version(), platform.platform(), os.cpu_count() or 0, found)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
