"""Write the variable lists that ship in models/workloads: `python -m benchmarks.variables`.

Every trainable variable in the order in which the model makes it, which is the order in which
TensorFlow deals variables out to parameter servers, and the arithmetic of a training step. Needs
TensorFlow, for keras.applications; the weights themselves are not fetched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nworkers.models.files.workload_toml import WORKLOADS

#: Multiply and add; the gradients of weights and of inputs take as much again each.
FLOPS_PER_PRODUCT = 2 * 3


@dataclass(frozen=True)
class Listed:
    """A model's variables, and the products of its forward pass for one sample."""

    name: str
    origin: str
    variables: tuple[tuple[str, tuple[int, ...]], ...]
    products: int


def from_keras(name: str, model: Any) -> Listed:
    products = sum(_products(layer) for layer in model.layers)
    variables = tuple(
        (variable.path, tuple(int(n) for n in variable.shape))
        for variable in model.trainable_weights
    )
    origin = f"keras.applications.{model.name}, {model.input_shape[1]} × {model.input_shape[2]}"
    return Listed(name, origin, variables, products)


def _products(layer: Any) -> int:
    """A kernel is used once for each place of the output."""
    if not hasattr(layer, "kernel") or layer.kernel is None:
        return 0
    places = math.prod(int(n) for n in layer.output.shape[1:-1])
    return math.prod(int(n) for n in layer.kernel.shape) * places


def alexnet() -> Listed:
    """AlexNet with one tower, as tf_cnn_benchmarks trains it (models/alexnet_model.py there)."""
    # Kernel, filters, and the side of the output: 227, strides of 4, then pools of 3 by 2.
    convolutions = ((11, 64, 55), (5, 192, 27), (3, 384, 13), (3, 384, 13), (3, 256, 13))
    variables: list[tuple[str, tuple[int, ...]]] = []
    products, channels = 0, 3
    for k, (kernel, filters, side) in enumerate(convolutions):
        variables.append((f"conv{k}/weights", (kernel, kernel, channels, filters)))
        variables.append((f"conv{k}/biases", (filters,)))
        products += kernel * kernel * channels * filters * side * side
        channels = filters
    inputs = channels * 6 * 6
    for k, outputs in enumerate((4096, 4096, 1000)):
        variables.append((f"affine{k}/weights", (inputs, outputs)))
        variables.append((f"affine{k}/biases", (outputs,)))
        products += inputs * outputs
        inputs = outputs
    origin = "Krizhevsky, 2012, with one tower as in tf_cnn_benchmarks, 227 × 227"
    return Listed("alexnet", origin, tuple(variables), products)


def every() -> Iterator[Listed]:
    from keras import applications

    yield alexnet()
    for name, make in (
        ("inception-v3", applications.InceptionV3),
        ("resnet-50", applications.ResNet50),
        ("resnet-152", applications.ResNet152),
        ("vgg-16", applications.VGG16),
    ):
        yield from_keras(name, make(weights=None))


def written(listed: Listed) -> str:
    count = sum(math.prod(shape) for _, shape in listed.variables)
    rows = "".join(
        f'  {{ name = "{name}", shape = {list(shape)}, dtype = "float32" }},\n'
        for name, shape in listed.variables
    )
    return (
        f"# {listed.origin}: {len(listed.variables)} trainable variables, {count} parameters.\n"
        "# Forward and backward: 3 times the forward pass, 2 FLOPs for each product of its\n"
        "# convolutions and dense layers. Made by `python -m benchmarks.variables`.\n"
        f'name = "{listed.name}"\n'
        f"flops_per_sample = {float(FLOPS_PER_PRODUCT * listed.products):.6e}\n"
        f"variables = [\n{rows}]\n"
    )


def main() -> None:
    for listed in every():
        path = WORKLOADS / f"{listed.name}.toml"
        path.write_text(written(listed))
        print(f"wrote {path}: {len(listed.variables)} variables")


if __name__ == "__main__":
    main()
