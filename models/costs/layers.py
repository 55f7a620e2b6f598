"""Layers: how a model's compute is divided over its variables, where transfers overlap it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate, pairwise

from nworkers.models.records.profile import ThreadedProducts
from nworkers.models.records.workload import BYTES_PER_ELEMENT, Workload

#: Layers that are told apart; a deeper model's neighbours are taken together.
MAX_LAYERS = 32


@dataclass(frozen=True)
class Layer:
    """Shares of a step's compute that the two passes through a layer take."""

    forward: float
    backward: float


#: TensorFlow runs a product on one thread whose bytes are below so many times the L2 cache's.
ONE_THREAD_SHARE = 1.01

#: All of a model at once: transfers before and after its compute, none beside it.
WHOLE = (Layer(1.0, 0.0),)


def layer_of(workload: Workload) -> tuple[int, ...]:
    """The layer of each variable: one each, or neighbours of about equal bytes together."""
    if workload.tensors <= MAX_LAYERS:
        return tuple(range(workload.tensors))
    before = accumulate((v.size_bytes for v in workload.variables), initial=0)
    share = workload.size_bytes / MAX_LAYERS
    return tuple(min(MAX_LAYERS - 1, int(begins / share)) for begins in list(before)[:-1])


def product_bytes(workload: Workload, batch: int) -> float:
    """What the products of a training step move at least, each operand and result once.

    Of each variable with two dimensions or more, as of a dense layer: one product forward, one for
    the weights' gradient and, in all but the first layer, one for the inputs' gradient. A built-in
    workload's layers have a row of inputs and of outputs for each sample; of others those are not
    known.
    """
    moved, built_in = 0.0, bool(workload.widths)
    weights = [v for v in workload.variables if len(v.shape) > 1]
    for layer, variable in enumerate(weights):
        beside = batch * sum(variable.shape) if built_in else 0
        products = 2 if layer == 0 else 3
        moved += products * (variable.elements + beside) * BYTES_PER_ELEMENT[variable.dtype]
    return moved


def layers(workload: Workload) -> tuple[Layer, ...]:
    """Every layer's share of the compute.

    Of dense layers, whose products take as many operations as there are weights: one forward, and
    backward one for the weights and, in all but the first layer, one for the inputs. A layer whose
    weights are used many times a sample, as in a convolution, takes more than its share here; an
    embedding, which is looked up, takes less.
    """
    weights = [0.0] * (max(layer_of(workload)) + 1)
    for layer, variable in zip(layer_of(workload), workload.variables, strict=True):
        weights[layer] += variable.elements
    total = sum(weight * (2.0 if k == 0 else 3.0) for k, weight in enumerate(weights))
    return tuple(
        Layer(weight / total, weight * (1.0 if k == 0 else 2.0) / total)
        for k, weight in enumerate(weights)
    )


def threaded_products(workload: Workload, cache_bytes: float) -> tuple[ThreadedProducts, ...]:
    """From which batch on each layer's products run on all threads; none if not dense.

    TensorFlow gives a product of [m, k]·[k, n] to oneDNN on one thread while m·n + k·(m + n)
    elements are below 1.01 times the L2 cache (`ExecuteSingleThreadedGemm` in
    tensorflow/core/kernels/mkl/mkl_matmul_ops_common.h). That sum is the same for all products of a
    dense layer, whichever of the three sides is the batch.
    """
    limit = ONE_THREAD_SHARE * cache_bytes / BYTES_PER_ELEMENT[workload.precision]
    counted: dict[int, tuple[float, int]] = {}
    for layer, (inputs, outputs) in enumerate(pairwise(workload.widths)):
        products = 2 if layer == 0 else 3
        joins = max(1, math.ceil((limit - inputs * outputs) / (inputs + outputs)))
        operations, before = counted.get(joins, (0.0, 0))
        counted[joins] = operations + products * inputs * outputs, before + products
    total = sum(operations for operations, _ in counted.values())
    return tuple(
        ThreadedProducts(joins, operations / total, products)
        for joins, (operations, products) in sorted(counted.items())
    )
