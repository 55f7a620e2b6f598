"""The workloads that ship, held to what their publishers say of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nworkers.models.files.workload_toml import read_workload, shipped_workloads


@dataclass(frozen=True)
class Published:
    """Parameters, and products of a forward pass, each to within a share; None if not published."""

    parameters: int
    within: float
    products: float | None
    products_within: float = 0.02


#: Exact where the publisher counts what is trained: of BERT Hugging Face's count of BertModel, of
#: GPT-2 its count of GPT2Model, of the others torchvision's, which leaves out the statistics of a
#: BatchNorm too. Products: torchvision; of ResNets He, 2016; of MobileNetV2 Sandler, 2018; of BERT
#: half of the operations in MobileBERT's table 4 (Sun, 2020), at 128 tokens; of GPT-2 a sixth of
#: nanoGPT's 6 · N + 12 · L · H · Q · T for each of T tokens, N without the positions.
PUBLISHED = {
    "alexnet": Published(61_000_000, 0.015, None),
    "bert-base": Published(109_482_240, 0.0, 22.5e9 / 2),
    "gpt-2": Published(
        124_439_808,
        0.0,
        1024 * (124_439_808 - 1024 * 768 + 2 * 12 * 768 * 1024),
        0.002,
    ),
    "inception-v3": Published(23_800_000, 0.005, 5.71e9),
    "mobilenet-v2": Published(3_504_872, 0.0, 300e6),
    "resnet-152": Published(60_200_000, 0.005, 11.3e9),
    "resnet-50": Published(25_600_000, 0.005, 3.8e9),
    "vgg-16": Published(138_357_544, 0.0, 15.47e9),
    "vit-b-16": Published(86_567_656, 0.0, 17.56e9),
}


def test_every_workload_that_ships_is_held() -> None:
    assert set(shipped_workloads()) == set(PUBLISHED)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_shipped_workload_is_as_published(name: str) -> None:
    published, workload = PUBLISHED[name], read_workload(name)
    assert workload.name == name
    assert workload.origin
    assert workload.parameters == pytest.approx(published.parameters, rel=published.within, abs=0)
    assert workload.size_bytes == 4 * workload.parameters
    assert len({variable.name for variable in workload.variables}) == workload.tensors
    assert workload.flops_per_sample is not None
    if published.products is not None:
        # Two operations a product, forward and twice as much backward.
        forward = workload.flops_per_sample / 6
        assert forward == pytest.approx(published.products, rel=published.products_within)
