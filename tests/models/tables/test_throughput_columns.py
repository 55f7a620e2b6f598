"""Tables of runs as people post them; the shapes are real, and the values computed by hand."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.tables.detect import format_of
from nworkers.models.tables.formats.csv_throughput import FORMAT, ScalingTable, read

OTHER_WORDS = "gpus,model,batch_size,images_per_sec\n1,resnet50,256,740\n2,resnet50,256,1480\n"
#: A column for each number of GPUs, and tokens of one GPU.
WIDE_OF_ONE = """Throughput in tokens per GPU and second:

| Parallel Configuration | 8 GPUs | 16 GPUs | 32 GPUs |
| ---------------------- | ------ | ------- | ------- |
| (tp=1, zero1=-1)       | 4060   | 3840    | 3750    |
| (tp=1, zero1=8)        | 4080   | 3940    | 3920    |

The rest of the page | is passed over.
"""
WIDE_NAMED = """| GPU Number | 8 | 16 |
|---|---|---|
| TGS (Tokens/GPU/Second) | 4000 | 3900 |
| TFLOPS | 192 | 190 |
"""
WIDE_OF_ALL = "GPUs | 4 | 8 | 16\n-- | -- | -- | --\nHorovod | 792.41 | 1523 | 1529\n"
EFFICIENCY = "GPU | Scaling Efficiency\n-- | --\n1 | 1\n8 | 95.70%\n16 | 91.9%\n"
STEP_TIME = (
    "nodes\tgpus_per_node\tper_gpu_batch\tstep time (ms)\tmodel\tframework\n"
    "1\t8\t64\t100\tresnet50\tddp\n2\t8\t64\t128 ms\tresnet50\tddp\n"
)
EPOCHS = "gpus;epoch time (min);samples;global batch\n1;10;1,281,000;256\n2;5,5;1281000;512\n"
TOKENS = """| Model | SeqLen (T) | # GPUs | GPU | GlobalBatchSize | Throughput (T/s) | Precision |
| --- | --- | --- | --- | --- | --- | --- |
| 13b | 2048 | 64 | h100_80gb | 128 | 307209 | amp_bf16 |
| 13b | 2048 | 32 | h100_80gb | 64 | 153960 | amp_bf16 |
"""
NODES_AND_DEVICES = """| node num | device num | throughput (img/s) |
| -------- | ---------- | ------------------ |
| 1        | 1          | 384.85             |
| 1        | 8          | 2969.45            |
| 2        | 16         | **5906.55**        |
| 4        | 32         | OOM                |
"""
STRONG = "workers,global_batch,samples_per_s,model\n1,256,100,resnet-50\n4,256,350,resnet-50\n"
EVERY = (
    OTHER_WORDS,
    WIDE_OF_ONE,
    WIDE_NAMED,
    WIDE_OF_ALL,
    EFFICIENCY,
    STEP_TIME,
    EPOCHS,
    TOKENS,
    NODES_AND_DEVICES,
    STRONG,
)


def rates(table: ScalingTable) -> list[tuple[int, object]]:
    return [(row.workers, pytest.approx(row.samples_per_s)) for row in table.rows]


@pytest.mark.parametrize("text", EVERY)
def test_every_shape_is_told_from_its_content(text: str) -> None:
    assert format_of(text) == FORMAT


def test_other_words() -> None:
    table = read(OTHER_WORDS, "it")
    assert rates(table) == [(1, 740), (2, 1480)]
    assert {row.batch_per_worker for row in table.rows} == {256}
    assert {row.strategy for row in table.rows} == {"allreduce"}
    assert table.missing == ()
    notes = " ".join(table.notes)
    for words in ("images_per_sec as samples_per_s", "the batch is that of one worker", "guessed"):
        assert words in notes


def test_a_batch_that_grows_with_the_workers_is_that_of_all() -> None:
    grown = OTHER_WORDS.replace("2,resnet50,256", "2,resnet50,512")
    table = read(grown, "it")
    assert [row.batch_per_worker for row in table.rows] == [256, 256]
    assert "that of all workers" in " ".join(table.notes)


def test_wide_tables() -> None:
    table = read(WIDE_OF_ONE, "it")
    # Of one GPU, since they fall: 8 · 4,060, and so on.
    assert rates(table)[:3] == [(8, 32480), (16, 61440), (32, 120000)]
    assert [row.system for row in table.rows[2:4]] == ["(tp=1, zero1=-1)", "(tp=1, zero1=8)"]
    assert "of one worker, since they do not grow" in " ".join(table.notes)
    named = read(WIDE_NAMED, "it")
    assert rates(named) == [(8, 32000), (16, 62400)]
    assert "rows that were not used: TFLOPS" in named.notes
    horovod = read(WIDE_OF_ALL, "it")
    assert rates(horovod) == [(4, 792.41), (8, 1523), (16, 1529)]
    assert {row.strategy for row in horovod.rows} == {"allreduce"}
    assert "guessed: Horovod is allreduce" in horovod.notes
    assert horovod.missing == ("batch_per_worker", "model")


def test_efficiency_is_a_multiple_of_one_worker() -> None:
    table = read(EFFICIENCY, "it")
    assert rates(table) == [(1, 1.0), (8, 7.656), (16, 14.704)]
    assert "samples_per_s" in table.missing
    in_percent = read("workers,efficiency\n1,100\n4,90\n", "it")
    assert rates(in_percent) == [(1, 1.0), (4, 3.6)]


def test_step_times() -> None:
    table = read(STEP_TIME, "it")
    # 8 GPUs of 64 in 100 ms, 16 of 64 in 128.
    assert rates(table) == [(8, 5120), (16, 8000)]
    assert [(row.gpus_per_node, row.strategy) for row in table.rows] == [(8, "allreduce")] * 2
    without = read("workers,step_ms\n1,100\n2,110\n", "it")
    assert without.missing == ("batch_per_worker", "model")
    assert rates(read("workers,step_ms\n1,100\n2,110\n", "it", batch=32)) == [
        (1, 320),
        (2, pytest.approx(64 / 0.11)),
    ]


def test_epochs() -> None:
    table = read(EPOCHS, "it")
    assert rates(table) == [(1, 1281000 / 600), (2, 1281000 / 330)]
    assert [row.batch_per_worker for row in table.rows] == [256, 256]
    with pytest.raises(InputError, match="a column samples: how many an epoch has"):
        read("gpus,seconds per epoch\n1,600\n2,320\n", "it")


def test_a_batch_of_samples_and_a_rate_of_tokens() -> None:
    table = read(TOKENS, "it")
    assert rates(table) == [(64, 307209), (32, 153960)]
    # Two sequences of 2,048 tokens.
    assert {row.batch_per_worker for row in table.rows} == {4096}
    assert {row.system for row in table.rows} == {"h100_80gb"}
    without = read(TOKENS.replace("SeqLen (T)", "Length"), "it")
    assert "batch_per_worker" in without.missing


def test_nodes_beside_devices_and_what_was_not_measured() -> None:
    table = read(NODES_AND_DEVICES, "it")
    assert rates(table) == [(1, 384.85), (8, 2969.45), (16, 5906.55)]
    assert [row.gpus_per_node for row in table.rows] == [1, 8, 8]
    assert "nothing was measured in line 6: left out" in table.notes


def test_one_batch_of_all_workers_is_strong_scaling() -> None:
    table = read(STRONG, "it")
    assert [(row.batch_per_worker, row.global_batch) for row in table.rows] == [
        (256, 256),
        (64, 256),
    ]


def test_a_model_and_a_batch_may_be_given() -> None:
    table = read(WIDE_OF_ALL, "it", batch=64, model="mine")
    assert table.missing == ()
    assert {(row.model, row.batch_per_worker) for row in table.rows} == {("mine", 64)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gpus,images/sec\n", ["a header without rows"]),
        ("gpus,images/sec\n1,soon\n2,3\n", ["line 2: throughput", "got soon"]),
        ("gpus,images/sec\n1,-5\n2,3\n", ["line 2: throughput", "above 0"]),
        ("gpus,images/sec\none,5\n2,3\n", ["line 2: workers", "one"]),
        ("gpus,images/sec\n1\n", ["line 2", "1 columns"]),
        ("gpus,images/sec\n1,-\n2,-\n", ["no value in any row"]),
        ("gpus,method,images/sec\n1,magic,5\n2,magic,9\n", ["strategy", "got magic"]),
    ],
)
def test_slips_are_named(text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read(text, "it.csv")
    for word in words:
        assert word in str(caught.value)


def test_unused_columns_are_named_with_the_nearest() -> None:
    table = read("gpus,imgs/sec,imags_per_sec,colour\n1,5,5,red\n2,9,9,red\n", "it")
    assert (
        "columns that were not used: imags_per_sec (nearest: images_per_sec), colour" in table.notes
    )


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_tables_are_rows_or_one_line(data: st.DataObject) -> None:
    """Cut, prefixed, with characters flipped, columns dropped: no traceback, no wild number."""
    text = data.draw(st.sampled_from(EVERY))
    how = data.draw(st.sampled_from(("cut", "flip", "prefix", "drop", "join")))
    place = data.draw(st.integers(0, len(text) - 1))
    if how == "cut":
        text = text[:place]
    elif how == "flip":
        text = text[:place] + data.draw(st.characters()) + text[place + 1 :]
    elif how == "prefix":
        text = "\n".join("> " + line for line in text.splitlines())
    elif how == "drop":
        text = text.replace(data.draw(st.sampled_from(("|", ",", ";", "\t"))), "", 1)
    else:
        text += data.draw(st.sampled_from(EVERY))
    with suppress(InputError):
        table = read(text, "it")
        assert all(math.isfinite(row.step_time_s) and row.step_time_s > 0 for row in table.rows)
