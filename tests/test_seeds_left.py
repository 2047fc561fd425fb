"""A command with several seeds that is interrupted: what is said of the seeds, and of what was to be published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import zoo
from registry.shelf import Shelf
from registry.watch import Watch, silent
from transfer.runs import Runs
from zoo.seeds_left import Interrupted, Repetition
from zoo.transferring import Bars, prepare

AGAIN = "--unfreeze none --epochs 2 --batch-size 16 --no-compare-scratch"


def ctrl_c(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def interrupting(number: int, *, training: bool = True) -> Bars:
    """Give progress in which someone presses Ctrl-C: of the run with that number, in its training or before."""
    given = iter(range(number + 1))

    @contextmanager
    def bars() -> Iterator[Watch]:
        last = next(given) == number
        if last and not training:
            ctrl_c()
        yield ctrl_c if last else silent

    return bars


def left(tiny: str, data: Path, seeds: int, bars: Bars, publish_as: str | None = None) -> Interrupted:
    prepared = prepare(
        tiny, str(data), reuse="hidden1", unfreeze="none", seed=4, epochs=2, batch_size=16, compare_scratch=False
    )
    with pytest.raises(Interrupted) as found:
        Repetition(prepared, seeds, publish_as).run(bars)
    return found.value


def test_seeds_that_have_not_run_are_named_with_the_command_for_them(
    tiny: str, data_file: Path, zoo_home: Path
) -> None:
    said = left(tiny, data_file, 4, interrupting(1), "mine")
    done, begun = (folder.id for folder in Runs(zoo_home / "runs").all())
    assert said.message == (
        f"interrupted with seed 5 of 4 to 7; done: {done}; not begun: seeds 6 and 7; nothing is published as mine"
    )
    first = f"zoo transfer {Shelf().find(tiny).ref} --data {data_file} --reuse hidden1"
    assert said.hint == (
        f"zoo resume {begun} goes on with it; then {first} {AGAIN} --seed 6 --seeds 2 does seeds 6 and 7; "
        "then zoo publish RUN --as mine publishes the best"
    )
    assert zoo.resume(begun).result.seed == 5


def test_a_seed_that_had_not_begun_is_among_the_rest(tiny: str, data_file: Path, zoo_home: Path) -> None:
    said = left(tiny, data_file, 2, interrupting(1, training=False))
    (done,) = (folder.id for folder in Runs(zoo_home / "runs").all())
    assert said.message == f"interrupted with seed 5 of 4 to 5; done: {done}; not begun: seed 5"
    assert said.hint.endswith(f" {AGAIN} --seed 5 does seed 5")


def test_a_single_run_is_gone_on_with_and_published(tiny: str, data_file: Path, zoo_home: Path) -> None:
    said = left(tiny, data_file, 1, interrupting(0), "my net")
    (begun,) = (folder.id for folder in Runs(zoo_home / "runs").all())
    assert said.message == "interrupted; nothing is published as my net"
    assert said.hint == f"zoo resume {begun} goes on with it; then zoo publish {begun} --as 'my net' publishes it"
