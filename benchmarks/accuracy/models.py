"""Users' models of the accuracy table, written in Keras.

``conv`` has 25 small convolutions and 102 variables. ``residual``, of the blind half, has 22
variables, and shortcuts around every second of its convolutions.
"""

from __future__ import annotations

from typing import Any

LAYERS, CHANNELS, PIXELS, CLASSES = 25, 8, 8, 10
BLOCKS, FILTERS, SIDE, HIDDEN = 4, 24, 12, 96


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


def residual() -> tuple[Any, Any, Any]:
    """As ``conv``, with shortcuts and a hidden dense layer."""
    import keras

    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(FILTERS, 3, padding="same", activation="relu")(image)
    for _ in range(BLOCKS):
        inner = keras.layers.Conv2D(FILTERS, 3, padding="same", activation="relu")(x)
        inner = keras.layers.Conv2D(FILTERS, 3, padding="same")(inner)
        x = keras.layers.ReLU()(keras.layers.Add()([x, inner]))
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(HIDDEN, activation="relu")(x)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return (
        keras.Model(image, keras.layers.Dense(CLASSES)(x)),
        loss,
        keras.optimizers.SGD(0.01),
    )
