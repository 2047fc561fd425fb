"""Why a feature file cannot be read: it is damaged, or the system does not let this process read what may be sound."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from registry.errors import ZooError

REFUSED = {  # what the system may say of a file that is sound, and what helps
    errno.EMFILE: "allow more: ulimit -n, or LimitNOFILE= where systemd starts it",
    errno.ENFILE: "close some on this machine, or allow more: sysctl fs.file-max",
    errno.EACCES: "its owner can let you: chmod a+r; or set ZOO_HOME to a folder of your own",
    errno.ENOMEM: "free some memory, or let a process map more files: sysctl vm.max_map_count",
    errno.EIO: "its disk fails, or the network to it: dmesg says more, and zoo cache verify reads every byte",
}


class RefusedError(ZooError):
    """The system does not let this process read a file, which may be sound."""


def unread(path: Path, error: Exception) -> ZooError:
    """Say why a feature file cannot be read, and what to do about it."""
    if is_refusal(error) and isinstance(error, OSError) and error.errno:
        why = os.strerror(error.errno)
        return RefusedError(f"the feature cache {path} cannot be read: {why}", REFUSED.get(error.errno, "try again"))
    return ZooError(f"the feature cache {path} is broken: {error}", f"remove it; it is made again: rm {path}")


def is_refusal(error: BaseException) -> bool:
    """Tell whether the system refuses to read a file, which may be sound; HDF5 finds damage, and has no number for it.

    >>> is_refusal(OSError(errno.EIO, "")), is_refusal(OSError("truncated file")), is_refusal(ValueError())
    (True, False, False)
    """
    return isinstance(error, OSError) and error.errno not in (None, 0, errno.EINVAL)
