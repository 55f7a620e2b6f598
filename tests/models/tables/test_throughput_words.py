"""Columns mean what people mean by them."""

from __future__ import annotations

import pytest

from nworkers.models.tables.formats.throughput_words import (
    Word,
    hinted,
    nearest,
    wide_count,
    word,
)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        *((name, "workers") for name in ("gpus", "# GPUs", "GPU Number", "num_gpus", "devices")),
        *((name, "workers") for name in ("ranks", "world_size", "Trainer Count", "device num")),
        *((name, "nodes") for name in ("nodes", "node num", "Number of hosts", "instances")),
        *((name, "gpus_per_node") for name in ("GPUs/node", "gpus_per_node", "nproc_per_node")),
        *((name, "rate") for name in ("images/sec", "img/s", "samples/s", "tokens/s", "TGS")),
        *((name, "rate") for name in ("images_per_sec", "Throughput (S/s)", "total images/sec")),
        *((name, "global_batch") for name in ("global batch", "GlobalBatchSize", "total_batch")),
        *((name, "batch_per_worker") for name in ("per-GPU batch", "batch size per gpu")),
        *((name, "batch") for name in ("batch", "batch_size", "bsz")),
        *((name, "step") for name in ("step time (ms)", "ms/step", "s/iter", "time per step")),
        ("elapsed time per iteration (ms)", "step"),
        *((name, "epoch") for name in ("seconds per epoch", "epoch time (s)", "s/epoch")),
        *((name, "efficiency") for name in ("Scaling Efficiency", "efficiency (%)")),
        ("speedup", "speedup"),
        ("Num PSs", "ps"),
        ("variable_update", "strategy"),
    ],
)
def test_names(name: str, wanted: str) -> None:
    found = word(name)
    assert found is not None
    assert found.meaning == wanted


@pytest.mark.parametrize("name", ["TFLOPS", "MFU", "time", "size", "seconds", "Precision", "loss"])
def test_what_is_not_known(name: str) -> None:
    assert word(name) is None


def test_whose_and_in_which_unit() -> None:
    assert word("Throughput (T/s/GPU)") == Word("rate", "worker", 1.0, tokens=True)
    assert word("step_time_ms") == Word("step", "all", 1e-3)
    assert word("epoch time (min)") == Word("epoch", "all", 60.0)
    assert word("images/sec per node") == Word("rate", "node", 1.0)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("8", (8, False)), ("16 GPUs", (16, False)), ("4 nodes", (4, True)), ("n=2", (2, False))],
)
def test_numbers_of_workers_as_names(name: str, wanted: tuple[int, bool]) -> None:
    assert wide_count(name) == wanted


@pytest.mark.parametrize("name", ["0", "GPUs", "model1", "v100", ""])
def test_names_that_are_no_numbers(name: str) -> None:
    assert wide_count(name) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("horovod", "allreduce"),
        ("PyTorch DDP", "allreduce"),
        ("NCCL", "allreduce"),
        ("MultiWorkerMirroredStrategy", "allreduce"),
        ("parameter_server", "ps-sync"),
        ("distributed_replicated", "ps-sync"),
        ("async PS", "ps-async"),
        ("ps-async", "ps-async"),
        ("magic", None),
    ],
)
def test_hints_of_strategies(text: str, wanted: str | None) -> None:
    assert hinted(text) == wanted


def test_the_nearest_word_is_named() -> None:
    assert nearest("imags_per_sec") == "images_per_sec"
    assert nearest("colour") is None
