"""Make the architecture of EfficientNet-Lite0, without weights: `python make.py` writes `architecture.json`.

EfficientNet-B0 (Tan and Le 2019, arXiv:1905.11946, table 1) without squeeze-and-excitation and with ReLU6 in place of
swish; https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. All convolutions pad `same`, as
TensorFlow does; published PyTorch weights were trained that way, too.
"""

import json
from pathlib import Path
from typing import NamedTuple

import keras

SIDE, CLASSES = 224, 1000
STEM, HEAD = 32, 1280
DROPOUT = 0.2


class Stage(NamedTuple):
    """A row of the paper's table: how often a block is repeated, and what it is."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    filters: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def name(*parts: object) -> str:
    """Return the layer name of a scope; see `transfer.scope`."""
    return ">".join(map(str, parts))


def normalised(x: keras.KerasTensor, scope: str, active: bool = True) -> keras.KerasTensor:
    """Batch normalisation, and ReLU6 unless the block ends here."""
    x = keras.layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=name(scope, "bn"))(x)
    return keras.layers.ReLU(6, name=name(scope, "relu6"))(x) if active else x


def conv(x: keras.KerasTensor, filters: int, scope: str, kernel: int = 1, stride: int = 1) -> keras.KerasTensor:
    """A convolution without bias."""
    return keras.layers.Conv2D(
        filters,
        kernel,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name(scope, "conv"),
    )(x)


def block(x: keras.KerasTensor, stage: Stage, stride: int, scope: str) -> keras.KerasTensor:
    """An inverted residual: wider by a 1x1 convolution, depthwise, narrower again, and added where shapes allow."""
    channels, y = x.shape[-1], x
    if stage.expand != 1:
        y = normalised(conv(y, channels * stage.expand, name(scope, "expand")), name(scope, "expand"))
    depthwise = name(scope, "depthwise")
    y = keras.layers.DepthwiseConv2D(stage.kernel, stride, "same", use_bias=False, name=name(depthwise, "conv"))(y)
    y = normalised(y, depthwise)
    y = normalised(conv(y, stage.filters, name(scope, "project")), name(scope, "project"), active=False)
    return keras.layers.Add(name=name(scope, "add"))([x, y]) if stride == 1 and channels == stage.filters else y


def build() -> keras.Model:
    """Images (n, 224, 224, 3) float32 to logits (n, 1000)."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = normalised(conv(image, STEM, "stem", 3, 2), "stem")
    number = 0
    for stage in STAGES:
        for repeat in range(stage.repeats):
            x = block(x, stage, 1 if repeat else stage.stride, name("blocks", number))
            number += 1
    x = normalised(conv(x, HEAD, "head"), "head")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dropout(DROPOUT, name="dropout")(x)
    return keras.Model(image, keras.layers.Dense(CLASSES, name="top")(x), name="efficientnet-lite0")


def main() -> None:
    """Write the file."""
    text = json.dumps(json.loads(build().to_json()), indent=1)
    (Path(__file__).parent / "architecture.json").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
