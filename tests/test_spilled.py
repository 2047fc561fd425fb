from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import blobs, chain

import transfer.features
import transfer.spilled
from registry.errors import ZooError
from transfer.data.arrays.feed import ArrayFeed
from transfer.data.arrays.samples import ArraySamples
from transfer.data.target import Target
from transfer.features import Features, Inputs
from transfer.fitting.fit import fit
from transfer.inputs import ModelInput
from transfer.plan.hyperparameters import Training


def inputs(n: int, seed: int) -> Inputs:
    x, y = blobs(n, seed=seed)
    return Inputs(ArrayFeed(ArraySamples.of(x, "x"), (ModelInput("X", (8,)),), None), y)


def trained(splits: dict[str, Features]) -> tuple[Any, list[np.ndarray]]:
    model = chain(outputs=3)
    how = Training(epochs=4, patience=4, batch_size=16, lr=0.01)
    return fit(model, splits, how, Target("class", ("a", "b", "c")), lr=how.lr, seed=1), model.get_weights()


def test_training_from_a_file_is_training_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = {"train": inputs(50, 1), "valid": inputs(21, 2)}
    held, weights = trained({name: split.whole for name, split in splits.items()})
    for module in (transfer.features, transfer.spilled):
        monkeypatch.setattr(module, "IN_MEMORY", 100)
    fresh = {"train": inputs(50, 1).whole, "valid": inputs(21, 2).whole}
    assert all(isinstance(split.arrays[0], np.memmap) for split in fresh.values())
    mapped, again = trained(fresh)
    assert mapped.epochs == held.epochs
    assert all(np.array_equal(a, b) for a, b in zip(weights, again, strict=True))


def test_no_room_for_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(
        ZooError, match=r"the samples take 1,600 bytes, .* there is no room .*: No space left"
    ) as caught:
        transfer.spilled.spilled(inputs(50, 1).feed)
    assert "--image-size" in caught.value.hint
