"""How TensorFlow is imported, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
UNUSED = """
import gc, json, sys
from zoo.starting import UNUSED, forget, own_process, start_tensorflow
{before}
start_tensorflow()
told = {{
    "there": sorted(set(UNUSED) & sys.modules.keys()), "broken": sorted(n for n, m in sys.modules.items() if m is None),
    "collects": gc.isenabled(), "left": gc.get_freeze_count() > 100_000, "keras": "keras" in sys.modules,
}}
import logging, pandas, sklearn
from keras.src.trainers.data_adapters import array_slicing
told |= {{"pandas": array_slicing.pandas is not None, "after": int(pandas.Series([1]).sum()) == 1}}
print(json.dumps(told))
"""


def told(before: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", UNUSED.format(before=before)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_command_leaves_out_what_it_does_not_use() -> None:
    found = told("own_process()")
    assert (found["there"], found["broken"]) == ([], []), "afterwards they are neither imported nor missing"
    assert (found["keras"], found["pandas"], found["after"]) == (True, False, True)
    assert found["collects"]
    assert found["left"], "the collector does not go through TensorFlow's objects any more"


def test_as_a_library_it_changes_nothing_for_others() -> None:
    found = told("")
    assert found["pandas"], "Keras takes data frames as ever"
    assert found["collects"]
    assert not found["left"]


@pytest.mark.parametrize("before", ["gc.disable()", "gc.disable(); own_process()"])
def test_a_collector_that_is_off_stays_off(before: str) -> None:
    assert not told(before)["collects"]


def test_what_is_imported_already_is_left_alone() -> None:
    found = told("import pandas; own_process()")
    assert "pandas" in found["there"]
    assert found["pandas"]
