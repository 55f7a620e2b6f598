"""From which batch on a dense layer's products are on all threads, worked out by hand."""

from __future__ import annotations

import pytest

from nworkers.models.costs.layers import threaded_products
from nworkers.models.records.profile import ThreadedProducts
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload

MIB = 2.0**20


def test_a_product_that_exceeds_the_cache_is_on_all_threads() -> None:
    """1.01 MiB of float32 are 264,765 elements: 128·256 + b·(128 + 256) reaches them at 605.

    Steps of this model take 871 µs at a batch of 595, and 601 µs at 610 (2 cores, 1 MiB of L2).
    """
    assert threaded_products(named_workload("gemm:128,256"), MIB) == (
        ThreadedProducts(605, 1.0, 2),
    )


def test_each_layer_has_its_share_of_a_sample() -> None:
    """Two products in the first layer and three in each other; 2 MiB are 529,531 elements."""
    made = threaded_products(named_workload("mlp:784,512,512,10"), 2 * MIB)
    assert [of.from_batch for of in made] == [99, 262, 1005]
    assert [of.products for of in made] == [2, 3, 3]
    total = 2 * 784 * 512 + 3 * 512 * 512 + 3 * 512 * 10
    assert [of.share * total for of in made] == pytest.approx(
        [2 * 784 * 512, 3 * 512 * 512, 3 * 512 * 10]
    )


def test_layers_that_join_at_one_batch_are_one() -> None:
    made = threaded_products(named_workload("mlp:2048,2048,2048"), MIB)
    assert made == (ThreadedProducts(1, 1.0, 5),)


def test_of_models_that_are_not_built_in_nothing_is_known() -> None:
    other = Workload("other", (Variable("w", (64, 64)),), cost=Cost(0.01, 0.0))
    assert threaded_products(other, MIB) == ()
