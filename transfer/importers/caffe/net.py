"""A Caffe net in OpenCV. `run` is executed in a process apart, so nothing of ours is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def run(path: str, settings: Mapping[str, Any], batches: Sequence[Sequence[Any]]) -> tuple[str, list[list[Any]]]:
    """Run a net; see `apart.apart`.

    Args:
        path: the caffemodel.
        settings: `prototxt` as text, the blobs at `inputs`, and at `pins` for each output its layer and which of that
            layer's tops it is.
        batches: an array for each input.
    """
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    net = cv2.dnn.readNetFromCaffe(settings["prototxt"], path)
    net.enableWinograd(False)
    return cv2.__version__, [_forward(net, settings, batch) for batch in batches]


def _forward(net: Any, settings: Mapping[str, Any], batch: Sequence[Any]) -> list[Any]:
    for name, array in zip(settings["inputs"], batch, strict=True):
        net.setInput(array, name)
    tops = net.forwardAndRetrieve([layer for layer, _ in settings["pins"]])
    return [np.array(of_layer[place]) for of_layer, (_, place) in zip(tops, settings["pins"], strict=True)]
