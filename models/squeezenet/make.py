"""Make the architecture of SqueezeNet, without weights: `python make.py` writes `architecture.json`.

Iandola et al. 2016, arXiv:1602.07360, in version 1.1 (https://github.com/forresti/SqueezeNet/tree/master/SqueezeNet_v1.1):
a first convolution of 64 3x3 filters and earlier pooling. As in the published weights that go into it, the first
convolution pads `same`, and no ReLU follows the last one.
"""

import json
from pathlib import Path

import keras

SIDE, CLASSES = 227, 1000
POOLED = (1, 3, 5)  # the numbers of the layers that a maximum pooling follows
FIRES = {
    2: 16,
    3: 16,
    4: 32,
    5: 32,
    6: 48,
    7: 48,
    8: 64,
    9: 64,
}  # filters of the squeeze; an expand has four times as many


def conv(x: keras.KerasTensor, filters: int, kernel: int, name: str, stride: int = 1) -> keras.KerasTensor:
    """A convolution with ReLU."""
    return keras.layers.Conv2D(filters, kernel, stride, padding="same", activation="relu", name=name)(x)


def fire(x: keras.KerasTensor, squeeze: int, scope: str) -> keras.KerasTensor:
    """Squeeze by a 1x1 convolution, expand by 1x1 and 3x3 ones beside each other."""
    x = conv(x, squeeze, 1, f"{scope}>squeeze1x1")
    wide = [conv(x, 4 * squeeze, size, f"{scope}>expand{size}x{size}") for size in (1, 3)]
    return keras.layers.Concatenate(name=f"{scope}>concat")(wide)


def pooled(x: keras.KerasTensor, number: int) -> keras.KerasTensor:
    """The maximum pooling that follows some layers."""
    return keras.layers.MaxPooling2D(3, 2, name=f"pool{number}")(x) if number in POOLED else x


def build() -> keras.Model:
    """Images (n, 227, 227, 3) float32 to probabilities (n, 1000)."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = pooled(conv(image, 64, 3, "conv1", stride=2), 1)
    for number, squeeze in FIRES.items():
        x = pooled(fire(x, squeeze, f"fire{number}"), number)
    x = keras.layers.Dropout(0.5, name="drop9")(x)
    x = keras.layers.Conv2D(CLASSES, 1, name="conv10")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool10")(x)
    return keras.Model(image, keras.layers.Softmax(name="softmax")(x), name="squeezenet")


def main() -> None:
    """Write the file."""
    text = json.dumps(json.loads(build().to_json()), indent=1)
    (Path(__file__).parent / "architecture.json").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
