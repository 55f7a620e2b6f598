"""The convolutional net of the accuracy table: 25 small convolutions, 102 variables."""

from __future__ import annotations

from typing import Any

LAYERS, CHANNELS, PIXELS, CLASSES = 25, 8, 8, 10


def conv() -> tuple[Any, Any, Any]:
    """A Keras 3 model, its loss and its optimizer, as ``scale validate --model`` takes them."""
    import keras

    layers: list[Any] = [keras.Input((PIXELS, PIXELS, 3))]
    for _ in range(LAYERS):
        layers += [
            keras.layers.Conv2D(CHANNELS, 3, padding="same"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
        ]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(CLASSES)]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return keras.Sequential(layers), loss, keras.optimizers.SGD(0.01)
