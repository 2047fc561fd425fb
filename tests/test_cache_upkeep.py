from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from registry.errors import ZooError
from registry.home import home
from transfer.cache_checks import faults
from transfer.cache_entries import Stored, entries, stored
from transfer.cache_errors import unread
from transfer.cache_files import Place, layout, name_of, read, shards_in, unfinished_in
from transfer.cache_locks import locked
from transfer.cache_upkeep import in_order, prune
from transfer.cache_writing import Writing
from transfer.shards import opened
from zoo.app import run
from zoo.cache_limit import within_limit
from zoo.sizes import parse_size

KEYS = ["a" * 64, "b" * 64, "ab" * 32]
PARTS = {"trunk": "t", "cut": "hidden2 ids", "preparation": "as it is", "dtype": "float32"}


def digests(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 32), dtype=np.uint8)


def arrays(n: int, seed: int = 0) -> list[np.ndarray]:
    draws = np.random.default_rng(seed)
    return [draws.normal(size=(n, 6)).astype(np.float32), draws.integers(0, 9, (n, 1)).astype(np.int32)]


def begun(root: Path, key: str, n: int, seed: int = 0, step: int = 70, most: int | None = None) -> Writing:
    """Write features of some samples, up to a number."""
    writing = Writing(root / key, PARTS, ["hidden2", "ids"], digests(n, seed))
    for start in range(0, n if most is None else most, step):
        writing.append([array[start : min(start + step, n)] for array in arrays(n, seed)])
    return writing


def written(root: Path, key: str, n: int, seed: int = 0, used: float | None = None) -> Path:
    begun(root, key, n, seed).finish()
    path = root / key / name_of(digests(n, seed))
    if used is not None:
        os.utime(path, (used, used))
    return path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    monkeypatch.delenv("ZOO_CACHE_MAX", raising=False)
    return tmp_path / "cache"


@dataclass(frozen=True)
class Done:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command line in this process, whatever its exit code is."""

    def run_line(*words: str) -> Done:
        capsys.readouterr()
        code = run(list(words))
        shown = capsys.readouterr()
        return Done(code, shown.out, shown.err)

    return run_line


# Files


def test_blocks_do_not_show_in_what_is_read(root: Path) -> None:
    shard = read(written(root, KEYS[0], 600))
    assert np.array_equal(shard.samples, digests(600, 0))
    for got, expected in zip(shard.arrays, arrays(600), strict=True):
        assert isinstance(got, np.memmap)
        assert np.array_equal(got, expected)
        assert got.dtype == expected.dtype
    assert list(faults(shard.path or root)) == []


def flipped(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << place % 8
    path.write_bytes(data)


def test_every_flipped_bit_is_found(root: Path) -> None:
    path = written(root, KEYS[0], 300)
    whole, places = path.read_bytes(), layout(path).places
    inside = [place.offset + step * (place.end - place.offset - 1) // 3 for place in places for step in range(4)]
    between = [byte for byte in range(len(whole)) if not any(p.offset <= byte < p.end for p in places)]
    for place in (*inside, *between[:: len(between) // 150], len(whole) - 1):
        flipped(path, place)
        assert list(faults(path)), f"a flipped bit in byte {place} of {len(whole)} was not found"
        path.write_bytes(whole)
    assert list(faults(path)) == []


def damaged(pick: Callable[[Any], Place], step: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        flipped(path, pick(layout(path)).offset + step)

    return damage


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "features": (damaged(lambda at: at.tensors[0], 24 * 299), "features hidden2 of its samples 256 to 299 are damaged"),
    "numbers": (damaged(lambda at: at.tensors[1], 7), "the features ids of its samples 0 to 255 are damaged"),
    "digests": (damaged(lambda at: at.samples, 70), "the digests of its samples, is damaged"),
    "count": (damaged(lambda at: at.done, 0), "it counts 301 of 300 samples"),
    "cut short": (lambda path: os.truncate(path, path.stat().st_size // 2), "truncated file"),
    "another's name": (lambda path: path.rename(path.with_name("0" * 32 + ".h5")) and None, "that of other samples"),
    "no such file": (lambda path: path.write_text("features") and None, "file signature not found"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_verify_names_the_file_and_what_to_type(root: Path, cli: Any, name: str) -> None:
    written(root, KEYS[1], 20)
    damage, message = DAMAGE[name]
    damage(written(root, KEYS[0], 300))
    done = cli("cache", "verify")
    assert done.exit_code == 1
    path = shards_in(root / KEYS[0])[0]
    assert f"{KEYS[0][:12]}/{path.name}: broken\n" in done.stdout
    assert message in done.stdout
    assert f"  remove it; it is made again: zoo cache rm {KEYS[0][:12]}/{path.name}" in done.stdout
    assert f"{KEYS[1][:12]}/{name_of(digests(20, 0))}: ok, 20 samples" in done.stdout
    assert cli("cache", "verify", KEYS[1][:12]).exit_code == 0
    document = json.loads(cli("cache", "verify", "--json").stdout)
    assert [one["ok"] for one in document["files"] if one["key"] == KEYS[0]] == [False]
    assert not document["ok"]
    assert cli("cache", "rm", f"{KEYS[0][:12]}/{path.name}", "-y").exit_code == 0
    assert cli("cache", "verify").exit_code == 0


def test_many_faults_are_counted(root: Path, cli: Any) -> None:
    path = written(root, KEYS[0], 256 * 5)
    place = layout(path).tensors[0]
    for block in range(5):
        flipped(path, place.offset + block * 256 * place.row)
    assert "  and 2 faults more\n" in cli("cache", "verify").stdout


REFUSALS = {
    errno.EMFILE: ("Too many open files", "allow more: ulimit -n, or LimitNOFILE= where systemd starts it"),
    errno.ENFILE: ("Too many open files in system", "close some on this machine, or allow more: sysctl fs.file-max"),
    errno.EACCES: ("Permission denied", "its owner can let you: chmod a+r; or set ZOO_HOME to a folder of your own"),
    errno.ENOMEM: (
        "Cannot allocate memory",
        "free some memory, or let a process map more files: sysctl vm.max_map_count",
    ),
    errno.EIO: (
        "Input/output error",
        "its disk fails, or the network to it: dmesg says more, and zoo cache verify reads every byte",
    ),
    errno.ENOLCK: ("No locks available", "try again"),
}


@pytest.mark.parametrize("number", REFUSALS)
def test_what_the_system_refuses_is_not_told_as_damage(number: int) -> None:
    why, hint = REFUSALS[number]
    told = unread(Path("f.h5"), OSError(number, "by HDF5"))
    assert (told.message, told.hint) == (f"the feature cache f.h5 cannot be read: {why}", hint)


NARROW = """
import resource, sys
from pathlib import Path
from registry.errors import ZooError
from transfer.cache_files import read, shards_in
(path,) = shards_in(Path(sys.argv[1]))
held = [open("/dev/null") for _ in range(10)]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]) + held[-1].fileno(),) * 2)
try:
    print(read(path).samples.shape)
except ZooError as error:
    print(type(error).__name__, error.message)
"""


def test_a_sound_file_is_not_called_broken_where_no_more_may_be_opened(root: Path) -> None:
    path = written(root, KEYS[0], 300)
    said = {}
    for left in range(1, 6):  # the file, HDF5's own, and each tensor's
        words = [sys.executable, "-c", NARROW, str(root / KEYS[0]), str(left)]
        said[left] = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    told = f"RefusedError the feature cache {path} cannot be read: Too many open files"
    assert said == {1: told, 2: told, 3: told, 4: "(300, 32)", 5: "(300, 32)"}


def test_a_file_may_be_read_by_all_whom_the_umask_lets(root: Path) -> None:
    before = os.umask(0o027)
    try:
        path = written(root, KEYS[0], 300)
        unfinished = begun(root, KEYS[1], 700, most=350)
    finally:
        os.umask(before)
    unfinished.close()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [path.stat().st_mode & 0o777 for path in unfinished_in(root / KEYS[1])] == [0o640]


def test_a_moment_in_which_another_looks_whether_a_file_could_go_is_waited_for(root: Path) -> None:
    path = written(root, KEYS[0], 300)
    with path.open("r+b") as file:
        assert locked(file, alone=True)
        letting_go = threading.Timer(0.1, file.close)
        letting_go.start()
        assert len(opened(root / KEYS[0]).missing(digests(300, 0))) == 0
        letting_go.join()
    with path.open("r+b") as file:
        assert locked(file, alone=True)
        removing = threading.Timer(0.1, path.unlink)
        removing.start()
        assert len(opened(root / KEYS[0]).missing(digests(300, 0))) == 300, "it is gone"
        removing.join()


# Going on


def test_a_file_that_was_left_is_gone_on_with_and_ends_as_one(root: Path) -> None:
    begun(root, KEYS[0], 700, most=350).close()
    assert [one.state for one in stored(root)] == ["part"]
    assert len(opened(root / KEYS[0]).missing(digests(700, 0))) == 700 - 256
    again = Writing(root / KEYS[0], PARTS, ["hidden2", "ids"], digests(700, 0)[256:])
    again.append([array[256:] for array in arrays(700)])
    again.finish()
    assert unfinished_in(root / KEYS[0]) == []
    (path,) = shards_in(root / KEYS[0])
    assert path.name == name_of(digests(700, 0))
    assert list(faults(path)) == []
    assert all(np.array_equal(a, b) for a, b in zip(read(path).arrays, arrays(700), strict=True))


def test_what_is_there_of_another_order_is_used_and_a_file_of_its_own_holds_the_rest(root: Path) -> None:
    begun(root, KEYS[0], 700, most=350).close()
    order = np.random.default_rng(3).permutation(700)
    wanted = digests(700, 0)[order]
    rows = opened(root / KEYS[0]).missing(wanted)
    rest = Writing(root / KEYS[0], PARTS, ["hidden2", "ids"], wanted[rows])
    rest.append([array[order][rows] for array in arrays(700)])
    rest.finish()
    taken = opened(root / KEYS[0]).take(wanted)
    assert all(np.array_equal(a, b[order]) for a, b in zip(taken, arrays(700), strict=True))


def test_of_two_at_once_each_writes_a_file_of_its_own(root: Path) -> None:
    begun(root, KEYS[0], 700, most=350).close()
    rest = digests(700, 0)[256:]
    first, second = (Writing(root / KEYS[0], PARTS, ["hidden2", "ids"], rest) for _ in range(2))
    for writing in (first, second):
        writing.append([array[256:] for array in arrays(700)])
    assert len(unfinished_in(root / KEYS[0])) == 2
    first.finish()
    second.finish()
    assert len(opened(root / KEYS[0]).missing(digests(700, 0))) == 0
    assert len(shards_in(root / KEYS[0])) == 2


def test_nothing_is_left_where_not_a_block_was_written(root: Path) -> None:
    begun(root, KEYS[0], 700, most=200).close()
    assert stored(root) == []


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_cache_upkeep import PARTS, arrays, digests
from transfer.cache_writing import Writing
writing, n = Writing(Path({folder!r}), PARTS, ["hidden2", "ids"], digests(100_000, 0)), 100_000
given = arrays(n)
for start in range(0, n, 10):
    writing.append([array[start : start + 10] for array in given])
    print(start + 10, flush=True)
    time.sleep(0.0005)
"""


def test_a_kill_loses_at_most_the_block_that_was_being_written(root: Path) -> None:
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(root / KEYS[0]))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 3000:
            pass
        assert [one.state for one in prune(root, 0).in_use] == ["part"], "what is being written is not removed"
        os.kill(process.pid, signal.SIGKILL)
        last = max([3000, *map(int, process.stdout.read().splitlines())])
    shard = read(unfinished_in(root / KEYS[0])[0])
    assert last - 256 <= len(shard.samples) <= last + 10
    assert list(faults(unfinished_in(root / KEYS[0])[0])) == []
    assert all(np.array_equal(a, b[: len(a)]) for a, b in zip(shard.arrays, arrays(100_000), strict=True))


# Pruning


def test_the_longest_unused_go_first(root: Path, cli: Any) -> None:
    oldest, middle, newest = (written(root, key, 300, used=at) for key, at in zip(KEYS, (1e9, 3e9, 2e9), strict=True))
    size = newest.stat().st_size
    dry = json.loads(cli("cache", "prune", "--max", f"{2 * size}B", "--dry-run", "--json").stdout)
    assert [one["key"] for one in dry["files"]] == [KEYS[0]]
    assert (dry["removed"], dry["left"], oldest.exists()) == (False, 2 * size, True)
    page = cli("cache", "prune", "--max", f"{2 * size}B", "-y").stdout
    assert page.endswith(f"removed 1 file ({size / 1000:.1f} kB); {2 * size / 1000:.1f} kB stay\n")
    assert [path.exists() for path in (oldest, middle, newest)] == [False, True, True]
    assert not oldest.parent.exists(), "the empty folder goes too"
    opened(root / KEYS[2]).take(digests(300, 0))
    assert newest.stat().st_mtime > time.time() - 60, "what is read counts as used now"
    os.utime(middle, (1.5e9, 1.5e9))
    prune(root, size)
    assert [path.exists() for path in (middle, newest)] == [False, True]


def test_what_is_in_use_stays(root: Path, cli: Any) -> None:
    path = written(root, KEYS[0], 300)
    held = read(path).arrays[0][5:9]
    done = cli("cache", "prune", "--max", "0", "-y")
    assert f"in use by another process, and left alone: {KEYS[0][:12]}/{path.name}\n" in done.stdout
    assert "that is more than 0 B: try again when it is not in use any more\n" in done.stdout
    assert path.exists()
    assert np.array_equal(held, arrays(300)[0][5:9])
    del held
    assert cli("cache", "prune", "--max", "0", "-y").exit_code == 0
    assert not path.exists()


def test_what_nobody_can_use_goes_at_any_rate(root: Path, cli: Any) -> None:
    good = written(root, KEYS[0], 300, used=1.0)
    (root / KEYS[1]).mkdir()
    left = root / KEYS[1] / "tmp-dead.h5"
    left.write_bytes(b"")
    old = root / KEYS[1] / "old.h5"
    with h5py.File(old, "w") as file:
        file.attrs.update({"format": "zoo-features", "version": 2, "key": KEYS[1], "cut": "pool"})
        file["samples"] = digests(3, 0)
    (root / "sights").mkdir()
    (root / "sights" / "other.npz").write_bytes(b"1")
    assert {one.path: one.state for one in stored(root)} == {good: "whole", left: "empty", old: "old"}
    table = cli("cache", "list").stdout.splitlines()
    assert table[0].split() == ["KEY", "CUT", "DTYPE", "SAMPLES", "SIZE", "WRITTEN", "USED", "NOTE"]
    assert [line.endswith("of an older version") for line in table[1:]] == [True, False]
    notes = cli("cache", "verify").stdout
    assert "old.h5: of an older version, and not used any more; zoo cache prune removes it\n" in notes
    assert "tmp-dead.h5: unfinished, nothing in it yet; zoo cache prune removes it if its process is gone\n" in notes
    assert cli("cache", "prune", "-y").exit_code == 0
    assert [one.path for one in stored(root)] == [good]
    assert (root / "sights" / "other.npz").exists(), "other things below the cache are not features"


def test_what_the_system_refuses_is_not_taken_for_worthless(root: Path, cli: Any) -> None:
    path = root / KEYS[0] / f"{'0' * 32}.h5"
    path.mkdir(parents=True)  # opening it is refused, as that of another user's file is
    assert [one.state for one in stored(root)] == ["refused"]
    assert cli("cache", "list").stdout.splitlines()[1].endswith("  cannot be read")
    assert cli("cache", "prune", "-y").exit_code == 0
    assert path.exists()
    done = cli("cache", "verify")
    assert (done.exit_code, done.stdout) == (1, f"{KEYS[0][:12]}/{path.name}: it cannot be read: Is a directory\n")


def test_nothing_is_removed_unasked(root: Path, cli: Any) -> None:
    path = written(root, KEYS[0], 300)
    for words in (("prune", "--max", "0"), ("rm", "--all")):
        done = cli("cache", *words)
        assert done.exit_code != 0
        assert "kB of cached features" in done.stderr
        assert "pass -y to do it without being asked" in done.stderr
    assert path.exists()


def test_rm(root: Path, cli: Any) -> None:
    paths = [written(root, key, 300) for key in KEYS]
    for words, message, hint in (
        (("rm",), "say which cached features to remove: a key, or --all", "zoo cache list shows the keys"),
        (("rm", "a", "--all"), "say which cached features to remove: a key, or --all", "zoo cache list shows the keys"),
        (("rm", "c"), "the feature cache has nothing called 'c'", "zoo cache list shows the keys"),
        (("rm", ""), "the feature cache has nothing called ''", "zoo cache list shows the keys"),
        (("rm", "a"), "'a' begins 2 keys of the feature cache: aaaaaaaaaaaa, abababababab", "say more of it"),
        (("verify", "x"), "the feature cache has nothing called 'x'", "zoo cache list shows the keys"),
    ):
        done = cli("cache", *words)
        assert done.exit_code != 0
        assert message in done.stderr
        assert hint in done.stderr
    assert "would remove 1 file" in cli("cache", "rm", "ab", "--dry-run").stdout
    assert all(path.exists() for path in paths)
    assert "removed 1 file" in cli("cache", "rm", "ab", "-y").stdout
    assert [path.exists() for path in paths] == [True, True, False]
    assert json.loads(cli("cache", "rm", "--all", "-y", "--json").stdout)["left"] == 0
    assert "removed 0 files (0 B); 0 B stay" in cli("cache", "rm", "--all", "-y").stdout
    assert cli("cache", "verify").stdout == "the feature cache is empty\n"


SIZES = ["20", "20 gigs", "GB", "-1GB", "1,5GB", "1.5.2GB", "", f"{'9' * 400}GB"]


@pytest.mark.parametrize("text", SIZES)
def test_what_is_no_size(root: Path, cli: Any, text: str) -> None:
    done = cli("cache", "prune", f"--max={text}")
    assert done.exit_code != 0
    assert f"--max {text!r} is no size; expected a number and a unit" in done.stderr
    assert "write it as 20GB, 500MB or 1.5GiB" in done.stderr


def test_sizes() -> None:
    texts = {"20GB": 20 * 10**9, "500 mb": 5 * 10**8, "1.5GiB": 3 * 2**29, ".5kB": 500, "0": 0, "7B": 7}
    assert {text: parse_size(text, "--max") for text in texts} == texts


def test_the_limit_of_the_environment(root: Path, monkeypatch: pytest.MonkeyPatch, cli: Any) -> None:
    first, second = (written(root, key, 300, used=at) for key, at in zip(KEYS[:2], (1.0, 2.0), strict=True))
    monkeypatch.setenv("ZOO_CACHE_MAX", f"{second.stat().st_size}B")
    with within_limit(home()):
        assert first.exists()
    assert [path.exists() for path in (first, second)] == [False, True]
    monkeypatch.setenv("ZOO_CACHE_MAX", "0")
    assert cli("cache", "prune", "-y").exit_code == 0, "it is what prune keeps to, where nothing else is said"
    assert not second.exists()
    monkeypatch.setenv("ZOO_CACHE_MAX", "much")
    with pytest.raises(ZooError, match="ZOO_CACHE_MAX 'much' is no size"), within_limit(home()):
        raise AssertionError("the work must not begin")


def test_the_limit_is_kept_after_work_that_failed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (written(root, key, 300, used=at) for key, at in zip(KEYS[:2], (1.0, 2.0), strict=True))
    monkeypatch.setenv("ZOO_CACHE_MAX", "1kB")

    def diverge() -> None:
        held = read(first).arrays
        raise ZooError(f"training diverged on {len(held)}")

    with pytest.raises(KeyboardInterrupt), within_limit(home()):
        raise KeyboardInterrupt
    assert first.exists(), "who interrupts waits for nothing"
    with pytest.raises(ZooError, match="training diverged on 2"), within_limit(home()):
        diverge()
    assert [path.exists() for path in (first, second)] == [False, False], "what failed holds no files any more"


@pytest.fixture
def stuck(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that cannot be removed by its mode; by root as the system's own attribute says, or our own patch."""
    path = written(root, KEYS[0], 300, used=1.0)
    if os.geteuid():
        path.chmod(0o400)
        yield path
    elif not subprocess.run(["chattr", "+i", path], capture_output=True).returncode:
        yield path
        subprocess.run(["chattr", "-i", path], check=True)
    else:
        unlink = Path.unlink

        def refused(one: Path, *given: Any, **named: Any) -> None:
            if one == path:
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))
            unlink(one, *given, **named)

        monkeypatch.setattr(Path, "unlink", refused)
        yield path


def test_what_cannot_be_removed_fails_no_work_and_is_said(
    root: Path, stuck: Path, cli: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = written(root, KEYS[1], 300, used=2.0)
    bytes_ = stuck.stat().st_size
    monkeypatch.setenv("ZOO_CACHE_MAX", "1kB")
    with within_limit(home()):
        pass
    assert (stuck.exists(), other.exists()) == (True, False), "what can be removed is"
    why = "Permission denied" if os.geteuid() else "Operation not permitted"
    said = f"cannot remove {stuck}: {why}"
    took = f"the feature cache takes {bytes_ / 1000:.1f} kB, and ZOO_CACHE_MAX allows 1.0 kB"
    assert capsys.readouterr().err == f"note: {took}: {said}\n"
    done = cli("cache", "prune", "-y")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-2:] == [
        f"{said}; is it another user's? ls -l shows whose",
        "that is more than 1.0 kB",
    ]
    assert json.loads(cli("cache", "rm", "--all", "-y", "--json").stdout)["refused"] == [said]
    (root / KEYS[1]).mkdir(exist_ok=True)
    with pytest.raises(ZooError, match="training diverged"), within_limit(home()):
        raise ZooError("training diverged")


def test_the_order_is_decided_by_state_and_use() -> None:
    files = [
        Stored(Path(name), "k", state, 1, used)
        for name, state, used in (("a", "whole", 1), ("b", "part", 2), ("c", "old", 9), ("d", "broken", 8))
    ]  # type: ignore[misc]
    assert [one.path.name for one in in_order(files)] == ["d", "c", "a", "b"]


def test_entries_name_the_first_state_that_is_worth_a_word(root: Path) -> None:
    written(root, KEYS[0], 300)
    begun(root, KEYS[0], 700, seed=1, most=350).close()
    (entry,) = entries(root)
    assert (entry.state, entry.files, entry.samples, entry.parts["cut"]) == ("part", 2, 556, "hidden2 ids")
