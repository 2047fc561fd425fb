"""What is dropped where the data do not feed all inputs of a source: by the graph alone."""

from __future__ import annotations

import pytest

from registry.card import LayerInfo
from registry.errors import ZooError
from transfer.plan.dropping import cut_without, left_out
from transfer.plan.feedable import feedable
from transfer.plan.selection import Selection, choose
from transfer.plan.top import Top


def dense(name: str, *reads: str) -> LayerInfo:
    return LayerInfo(name, "Dense", 10, True, reads)


LAYERS = (
    LayerInfo("B", "InputLayer", 0, False), LayerInfo("A", "InputLayer", 0, False),
    dense("b/h1", "B"), dense("a/h1", "A"), dense("b/h2", "b/h1"), dense("a/h2", "a/h1"),
    LayerInfo("join", "Concatenate", 0, False, ("a/h2", "b/h2")), dense("joined", "join"), dense("outputs", "joined"),
)  # fmt: skip
SINGLE, PAIRS = (), ("A", "B")


def chosen(reuse: str) -> Selection:
    return choose(LAYERS, reuse, "none" if reuse == ".*" else None)


@pytest.mark.parametrize(
    ("reuse", "given", "top", "drop"),
    [
        ("a/h[12]", SINGLE, Top(), "B"),
        ("a/h1", SINGLE, Top(), "B"),
        ("b/.*", SINGLE, Top(), "A"),
        ("a/h[12]", ("A",), Top(), "B"),
        ("a/h[12]", PAIRS, Top(), None),
        ("a/h[12]|b/h[12]", PAIRS, Top(), None),
        ("a/h1", SINGLE, Top(drop="outputs"), "outputs|B"),
        ("a/h1", SINGLE, Top(drop="B"), "B"),
        ("a/h1", SINGLE, Top(drop="B", units=(5,)), "B"),
        ("a/h1", PAIRS, Top(drop="outputs"), "outputs"),
        ("a/h[12]", SINGLE, Top(units=()), None),
    ],
)
def test_what_reads_other_inputs_is_dropped(reuse: str, given: tuple[str, ...], top: Top, drop: str | None) -> None:
    assert feedable(top, chosen(reuse), given, "digits.npz").drop == drop


def test_a_source_with_one_input_keeps_its_top() -> None:
    layers = (LAYERS[1], LAYERS[3], LAYERS[5])
    assert feedable(Top(), choose(layers, "a/h1"), SINGLE, "digits.npz") == Top()


@pytest.mark.parametrize(
    ("reuse", "hint"),
    [
        ("a/.*|b/.*", "zoo transfer --reuse 'a' reads A alone; or give each its own array, in an .npz: x_train.A, "
                      "x_train.B …"),
        (".*", "zoo transfer --reuse 'a' reads A alone"),
        ("joined", "give each its own array, in an .npz: x_train.A, x_train.B …"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("top", [Top(), Top(units=(5,)), Top(drop="outputs")])
def test_reused_layers_that_read_both_are_refused(reuse: str, hint: str, top: Top) -> None:
    with pytest.raises(ZooError) as caught:
        feedable(top, chosen(reuse), SINGLE, "digits.npz")
    assert caught.value.message == "the reused layers read 2 inputs, A, B; digits.npz have one array for all"
    assert caught.value.hint.startswith(hint)


def test_the_cut_is_where_what_is_kept_begins() -> None:
    selection = chosen("a/h[12]")
    assert selection.cut == ("B", "a/h2")
    for top in (feedable(Top(), selection, SINGLE, ""), Top(units=(5,))):
        assert cut_without(selection, left_out(selection, top)) == ("a/h2",)
    assert cut_without(selection, ()) == selection.cut
