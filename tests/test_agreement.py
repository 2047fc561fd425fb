"""Two sides' numbers compared, random inputs for that, and runtimes in processes of their own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ZooError
from transfer.exporters.exported import compared
from transfer.importers.agreement import Difference, agreement
from transfer.importers.apart import SMALL, CrashError, RunError, UnfinishedError, apart
from transfer.importers.probes import BATCHES, Probe, probes

ONES = np.ones((2, 3), np.float32)


def holed(*places: tuple[int, int], value: float = np.nan) -> Any:
    found = ONES.copy()
    for place in places:
        found[place] = value
    return found


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("batch", [0, 1, 2])
def test_what_is_not_finite_is_no_proof(batch: int, value: float) -> None:
    pairs = [([ONES], [ONES])] * 3
    pairs[batch] = ([ONES], [holed((0, 1), (1, 2), value=value)])
    with pytest.raises(ZooError) as caught:
        agreement(pairs, "the net", "do that")
    assert caught.value.message == (
        "the imported model differs from the net: 2 of 6 numbers are not finite where the original's are"
    )
    assert caught.value.hint == "do that"


def test_the_second_output_counts_as_the_first() -> None:
    with pytest.raises(ZooError, match=r"differs from x: 0.5 relative, 0.5 absolute; at most 0.0001 relative"):
        agreement([([ONES, ONES], [ONES, ONES / 2])], "x")


def test_where_the_original_is_not_finite_nothing_is_said() -> None:
    assert agreement([([ONES], [ONES]), ([holed((0, 0))], [ONES])], "x") == Difference(0, 0)
    assert agreement([([ONES], [ONES]), ([holed((0, 0))], [holed((0, 0))])], "x") == Difference(0, 0)
    with pytest.raises(ZooError, match="2 absolute"):  # at the other places it counts
        agreement([([ONES], [ONES]), ([holed((0, 0))], [3 * ONES])], "x")


@pytest.mark.parametrize("theirs", [holed((0, 0)), holed((1, 1), value=np.inf)])
def test_an_original_that_is_never_finite_proves_nothing(theirs: Any) -> None:
    with pytest.raises(ZooError, match="the outputs of x are not finite on random inputs, so nothing can be compared"):
        agreement([([theirs], [theirs])] * 3, "x")
    with pytest.raises(ZooError, match="are not finite on random inputs"):  # though another output is
        agreement([([ONES, theirs], [ONES, theirs])], "x")


def test_no_batches_prove_nothing() -> None:
    with pytest.raises(ZooError, match="there are no outputs of x to compare"):
        agreement([], "x")


def test_shapes_must_be_the_same() -> None:
    with pytest.raises(ZooError, match=r"the shape of the imported model's output is \[3, 2\]; x has \[2, 3\]"):
        agreement([([ONES], [ONES.T])], "x")


@pytest.mark.parametrize(
    ("theirs", "made", "largest"),
    [
        (np.array([True, False]), np.array([True, True]), 1),
        (np.array([1, 2], np.uint8), np.array([2, 1], np.uint8), 1),
        (np.array([0, 200], np.uint32), np.array([1, 200], np.uint32), 1),
        (np.array([-128], np.int8), np.array([127], np.int8), 255),
        (np.array([3e38], np.float32), np.array([-3e38], np.float32), 6e38),
        (np.array([1, 0]), np.array([True, True]), 1),
    ],
)
def test_all_kinds_of_numbers_are_compared(theirs: Any, made: Any, largest: float) -> None:
    assert agreement([([theirs], [theirs])], "x") == Difference(0, 0)
    with pytest.raises(ZooError, match=rf"{largest:.2g} absolute".replace("+", r"\+")):
        agreement([([theirs], [made])], "x")
    with pytest.raises(ZooError, match=r"the exported file in R 1 differs from the model") as caught:
        compared([theirs], [made], "R 1")
    assert caught.value.hint == "nothing was written; another format may do: --to keras"


def test_an_exported_file_that_computes_nan_is_refused() -> None:
    with pytest.raises(ZooError, match="in R 1 differs from the model: 1 of 6 numbers are not finite"):
        compared([ONES, ONES], [ONES, holed((0, 0))], "R 1")


@given(st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=1), st.floats(-1e-5, 1e-5))
def test_what_is_near_is_accepted_and_measured(numbers: list[float], part: float) -> None:
    theirs = np.array(numbers, np.float64)
    found = agreement([([theirs], [theirs * (1 + part)])], "x")
    assert found.relative <= 1.1e-5
    assert found.largest == pytest.approx(np.abs(theirs).max() * abs(part), rel=1e-6, abs=1e-10 * np.abs(theirs).max())


KINDS = st.sampled_from(["float32", "float16", "float64", "int32", "int64", "uint8", "int8", "bool"])


@given(
    st.lists(st.tuples(KINDS, st.lists(st.integers(1, 4), min_size=1, max_size=3)), min_size=1, max_size=3),
    st.integers(0, 99),
)
def test_probes_are_of_the_shape_and_type_and_the_seed_s(kinds: list[Any], seed: int) -> None:
    inputs = [Probe(tuple(shape), kind) for kind, shape in kinds]
    found, again = probes(inputs, seed), probes(inputs, seed)
    assert len(found) == BATCHES
    for batch, other in zip(found, again, strict=True):
        assert [(array.shape, str(array.dtype)) for array in batch] == [(one.shape, one.dtype) for one in inputs]
        assert all(np.array_equal(one, two) for one, two in zip(batch, other, strict=True))
        assert all(array.min() >= 0 for array in batch if array.dtype.kind in "iu")


def test_probes_have_several_scales_and_whole_numbers_stay_below() -> None:
    inputs = [Probe((400,)), Probe((400,), "int32", 7), Probe((400,), "float32", 7), Probe((400,), "int8")]
    batches = probes(inputs, 0)
    assert [float(np.std(one[0])) for one in batches] == pytest.approx([12**-0.5, 1, 10], rel=0.15)
    for _, ids, kept, small in batches:
        assert set(ids) == set(range(7)) == set(kept)
        assert 100 < small.max() <= 127
    assert not np.array_equal(probes(inputs, 1)[0][0], batches[0][0])


def test_open_sizes_of_a_probe_are_chosen() -> None:
    assert Probe.of((None, None, 3, None), "float32", 2, 32).shape == (2, 32, 3, 32)
    assert Probe.of((5, 4), "int32", 2, 32, 9) == Probe((5, 4), "int32", 9)


ECHO = """
import sys
def run(path, settings, batches):
    assert "tensorflow" not in sys.modules and "keras" not in sys.modules and "transfer" not in sys.modules
    with open(path) as file:
        return file.read(), [[array * settings["factor"] for array in batch] for batch in batches]
"""
ENDINGS = {
    "exit": ("import os\ndef run(*_): os._exit(3)", CrashError, "^it ends unexpectedly$"),
    "abort": ("import os\ndef run(*_): os.abort()", CrashError, r"^it ends unexpectedly \(SIGABRT\)$"),
    "fault": (
        "import ctypes\ndef run(*_): ctypes.string_at(0)", CrashError, r"^it ends unexpectedly \(SIGSEGV\)$"),
    "killed": (
        "import os, signal\ndef run(*_): os.kill(os.getpid(), signal.SIGKILL)", UnfinishedError, "memory may be short"),
    "late": ("import time\ndef run(*_): time.sleep(60)", UnfinishedError, "it does not end within 2 seconds"),
    "refused": ("def run(*_): raise ValueError('bad\\n  file')", RunError, "^bad file$"),
    "objects": ("def run(*_): return '1', [[object()]]", RunError, "^it makes something else than numbers$"),
    "memory": ("import numpy\ndef run(*_): numpy.ones(1 << 33, 'u1')", RunError, "Unable to allocate"),
}  # fmt: skip


def placed(folder: Path, code: str) -> tuple[Path, Path]:
    (folder / "runs.py").write_text(code)
    (folder / "foreign").write_text("1.2")
    return folder / "runs.py", folder / "foreign"


def test_arrays_go_out_and_come_back(tmp_path: Path) -> None:
    batches = [[ONES, np.array([1, 2])], [ONES * 2, np.array([], np.int64)]]
    begun = time.monotonic()
    found = apart(*placed(tmp_path, ECHO), {"factor": 3}, batches, 60)
    assert time.monotonic() - begun < 10  # without TensorFlow
    assert found.version == "1.2"
    for given_, made in zip(batches, found.batches, strict=True):
        assert all(np.array_equal(one * 3, other) for one, other in zip(given_, made, strict=True))


@pytest.mark.parametrize("name", ENDINGS)
def test_how_a_process_can_end(name: str, tmp_path: Path) -> None:
    code, kind, message = ENDINGS[name]
    with pytest.raises(kind, match=message) as caught:
        apart(*placed(tmp_path, code), {}, [[ONES]], 2 if name == "late" else 60)
    assert type(caught.value) is kind


def test_a_small_file_that_hangs_is_not_waited_for_ten_seconds(tmp_path: Path) -> None:
    module, foreign = placed(tmp_path, "import time\ndef run(*_): time.sleep(60)")
    begun = time.monotonic()
    with pytest.raises(UnfinishedError, match=r"^it does not end within 9 seconds$"):
        apart(module, foreign, {}, [[ONES]], 30)
    assert time.monotonic() - begun < 10


def test_a_large_file_has_the_time_that_it_is_given(tmp_path: Path) -> None:
    module, foreign = placed(tmp_path, "import time\ndef run(*_):\n    time.sleep(10)\n    return '1', []")
    assert apart(module, foreign, {}, [[ONES]], 60, size=SMALL).version == "1"


def test_a_net_has_thousands_of_layers_in_no_time() -> None:
    from transfer.importers.native import Net

    net = Net()
    begun = time.monotonic()
    names = [net._free(f"node_{number}") for number in range(20_000)] + [net._free("Node") for _ in range(20_000)]
    assert time.monotonic() - begun < 2
    assert len({name.lower() for name in names}) == 40_000
    assert names[20_000:20_002] == ["Node", "Node_20000"]
