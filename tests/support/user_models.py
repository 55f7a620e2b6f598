"""Models as users might name them, good and bad."""

from __future__ import annotations

from typing import Any


def dense() -> tuple[Any, ...]:
    import keras

    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(4)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return model, loss, keras.optimizers.SGD(0.05, momentum=0.9)


def stateful() -> tuple[Any, ...]:
    """Has moving means and seeds besides its variables, Adam's slots, and data of its own."""
    import keras
    import numpy as np
    import tensorflow as tf

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.1),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    chance = np.random.default_rng(0)
    data = chance.normal(size=(64, 8, 8, 1)).astype("float32"), chance.integers(0, 3, 64)
    dataset = tf.data.Dataset.from_tensor_slices(data)
    return model, "sparse_categorical_crossentropy", "adam", dataset


def unbuilt() -> tuple[Any, ...]:
    import keras

    return keras.Sequential([keras.layers.Dense(4)]), "mse", "sgd"


def exotic() -> tuple[Any, ...]:
    return (*dense()[:2], "lion")


def alone() -> Any:
    return dense()[0]


def empty() -> tuple[Any, ...]:
    import tensorflow as tf

    return (*dense(), tf.data.Dataset.range(0))
