"""What is left when processes are killed: nothing that `zoo verify` minds, and nothing that the next run keeps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import publishers

from registry.collect import collect
from registry.shelf import Shelf

KILLS = 100


def test_killed_at_any_moment(zoo_home: Path, zoo_command: Callable[..., Any]) -> None:
    done = subprocess.run(
        [sys.executable, publishers.__file__, str(KILLS)], capture_output=True, text=True, timeout=300,
        env={**os.environ, "ZOO_HOME": str(zoo_home)},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == [], done.stderr[-2000:]
    assert len(lines) == KILLS
    assert int(lines[-1].split()[1]) > 3  # some were in time to be committed
    assert zoo_command("verify", "--json")["ok"]
    shelf = Shelf()
    collect(shelf.local)
    stored = {blob.sha256 for blob in shelf.local.store.all()}
    assert shelf.local.catalogue.live(stored) == stored
    assert [path.name for path in (zoo_home / "work").iterdir()] == ["gate.lock"]
    assert [path for path in (zoo_home / "downloads").iterdir() if path.is_dir()] == []
    publishers.publish_many((shelf.home, 5000, 1))
    assert zoo_command("verify", "model-5000", "--json")["ok"]
