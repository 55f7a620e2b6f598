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
    origin = "Krizhevsky, 2012, one tower as in tf_cnn_benchmarks, 227 × 227"
    return Listed("alexnet", origin, tuple(variables), products)


#: Of the base size of the three: width of a token, and blocks.
WIDTH, BLOCKS = 768, 12


def _block_products(tokens: int) -> int:
    """A block's products: those of its six dense layers, and of tokens with each other.

    Query, key, value and output are WIDTH by WIDTH, the other two four times that. Every token's
    score with every other, and the sum of values by those scores, are WIDTH products each; masked
    scores are computed too.
    """
    return tokens * 12 * WIDTH**2 + 2 * tokens**2 * WIDTH


def bert_base() -> Listed:
    """BERT-base, uncased, with its pooler (modeling.py of google-research/bert)."""
    tokens, norm = 128, (("LayerNorm/beta", (WIDTH,)), ("LayerNorm/gamma", (WIDTH,)))
    variables: list[tuple[str, tuple[int, ...]]] = [
        ("embeddings/word_embeddings", (30_522, WIDTH)),
        ("embeddings/token_type_embeddings", (2, WIDTH)),
        ("embeddings/position_embeddings", (512, WIDTH)),
        *((f"embeddings/{name}", shape) for name, shape in norm),
    ]

    def dense(name: str, inputs: int, outputs: int) -> None:
        variables.append((f"{name}/kernel", (inputs, outputs)))
        variables.append((f"{name}/bias", (outputs,)))

    for k in range(BLOCKS):
        block = f"encoder/layer_{k}"
        for part in ("query", "key", "value"):
            dense(f"{block}/attention/self/{part}", WIDTH, WIDTH)
        dense(f"{block}/attention/output/dense", WIDTH, WIDTH)
        variables += [(f"{block}/attention/output/{name}", shape) for name, shape in norm]
        dense(f"{block}/intermediate/dense", WIDTH, 4 * WIDTH)
        dense(f"{block}/output/dense", 4 * WIDTH, WIDTH)
        variables += [(f"{block}/output/{name}", shape) for name, shape in norm]
    dense("pooler/dense", WIDTH, WIDTH)
    return Listed(
        "bert-base",
        f"Devlin, 2019, uncased, with pooler, {tokens} tokens",
        tuple((f"bert/{name}", shape) for name, shape in variables),
        BLOCKS * _block_products(tokens) + WIDTH**2,
    )


def gpt_2() -> Listed:
    """GPT-2, the smallest (src/model.py of openai/gpt-2); its output shares the word embedding."""
    tokens, words = 1024, 50_257
    variables: list[tuple[str, tuple[int, ...]]] = [
        ("model/wpe", (tokens, WIDTH)),
        ("model/wte", (words, WIDTH)),
    ]

    def norm(name: str) -> None:
        variables.append((f"model/{name}/g", (WIDTH,)))
        variables.append((f"model/{name}/b", (WIDTH,)))

    def dense(name: str, inputs: int, outputs: int) -> None:
        variables.append((f"model/{name}/w", (1, inputs, outputs)))
        variables.append((f"model/{name}/b", (outputs,)))

    for k in range(BLOCKS):
        norm(f"h{k}/ln_1")
        dense(f"h{k}/attn/c_attn", WIDTH, 3 * WIDTH)
        dense(f"h{k}/attn/c_proj", WIDTH, WIDTH)
        norm(f"h{k}/ln_2")
        dense(f"h{k}/mlp/c_fc", WIDTH, 4 * WIDTH)
        dense(f"h{k}/mlp/c_proj", 4 * WIDTH, WIDTH)
    norm("ln_f")
    return Listed(
        "gpt-2",
        f"Radford, 2019, the smallest, {tokens} tokens",
        tuple(variables),
        BLOCKS * _block_products(tokens) + tokens * words * WIDTH,
    )


def vit_b_16() -> Listed:
    """ViT-B/16 (vit_jax/models_vit.py of google-research/vision_transformer), without the layer
    before its head that only pre-training has."""
    side, patch, heads, classes = 224, 16, 12, 1000
    patches, pixels = (side // patch) ** 2, patch * patch * 3
    split = (heads, WIDTH // heads)
    variables: list[tuple[str, tuple[int, ...]]] = [
        ("embedding/kernel", (patch, patch, 3, WIDTH)),
        ("embedding/bias", (WIDTH,)),
        ("cls", (1, 1, WIDTH)),
        ("Transformer/posembed_input/pos_embedding", (1, patches + 1, WIDTH)),
    ]

    def norm(name: str) -> None:
        variables.append((f"Transformer/{name}/scale", (WIDTH,)))
        variables.append((f"Transformer/{name}/bias", (WIDTH,)))

    for k in range(BLOCKS):
        block = f"encoderblock_{k}"
        attention = f"Transformer/{block}/MultiHeadDotProductAttention_1"
        norm(f"{block}/LayerNorm_0")
        for part in ("query", "key", "value"):
            variables.append((f"{attention}/{part}/kernel", (WIDTH, *split)))
            variables.append((f"{attention}/{part}/bias", split))
        variables.append((f"{attention}/out/kernel", (*split, WIDTH)))
        variables.append((f"{attention}/out/bias", (WIDTH,)))
        norm(f"{block}/LayerNorm_2")
        for layer, (inputs, outputs) in enumerate(((WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH))):
            dense = f"Transformer/{block}/MlpBlock_3/Dense_{layer}"
            variables.append((f"{dense}/kernel", (inputs, outputs)))
            variables.append((f"{dense}/bias", (outputs,)))
    norm("encoder_norm")
    variables += [("head/kernel", (WIDTH, classes)), ("head/bias", (classes,))]
    return Listed(
        "vit-b-16",
        f"Dosovitskiy, 2021, {side} × {side}",
        tuple(variables),
        BLOCKS * _block_products(patches + 1) + patches * pixels * WIDTH + WIDTH * classes,
    )


def every() -> Iterator[Listed]:
    from keras import applications

    yield alexnet()
    yield bert_base()
    yield gpt_2()
    yield vit_b_16()
    for name, make in (
        ("inception-v3", applications.InceptionV3),
        ("mobilenet-v2", applications.MobileNetV2),
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
        f"# {len(listed.variables)} trainable variables, {count} parameters.\n"
        "# Forward and backward: 3 times the forward pass, 2 FLOPs for each product of its\n"
        "# convolutions, dense layers and attention. Made by `python -m benchmarks.variables`.\n"
        f'name = "{listed.name}"\n'
        f'origin = "{listed.origin}"\n'
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
