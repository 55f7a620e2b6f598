"""Scaling tables are read as they stand, and no text is a traceback."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.records.workload import Workload
from nworkers.models.tables.detect import format_of
from nworkers.models.tables.formats.csv_throughput import (
    COLUMNS,
    FORMAT,
    ScalingRow,
    of_system,
    read,
)
from nworkers.models.tables.throughput.names import workloads_of

HEADER = "source,system,model,strategy,batch_per_worker,workers,ps,gpus_per_node,samples_per_s"
ROW = "somebody,mine,InceptionV3,ps-sync,64,8,2,4,229.5"


def refused(text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(text, "it.csv")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_row_as_it_stands() -> None:
    (row,) = read(f"# a remark\n{HEADER}\n\n{ROW}\n", "it.csv").rows
    wanted = ScalingRow("InceptionV3", "ps-sync", 64, 8, 229.5, 2, 4, "mine", "somebody")
    assert row == wanted
    assert row.step_time_s == pytest.approx(8 * 64 / 229.5)
    assert (row.nodes, row.servers) == (2, 2)
    assert format_of(f"{HEADER}\n{ROW}") == FORMAT


def test_what_may_be_left_out() -> None:
    text = "model;strategy;batch_per_worker;workers;samples_per_s\nVGG16;allreduce;64;4;584\n"
    (row,) = read(text, "it.csv").rows
    assert row.ps is None
    assert (row.gpus_per_node, row.system) == (1, "")
    assert format_of(text) == FORMAT


def test_ps_that_is_not_stated_is_one_a_node() -> None:
    (row,) = read(f"{HEADER}\n{ROW.replace(',2,4,', ',,4,')}", "it.csv").rows
    assert row.ps is None
    assert row.servers == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER, ["a header without rows"]),
        (f"{HEADER.replace('samples_per_s', 'samples_s')}\n{ROW}", ["did you mean it by"]),
        (f"{HEADER.replace('gpus_per_node', 'gpu_per_nodes')}\n{ROW}", ["gpus_per_node, if"]),
        (f"{HEADER.replace('ps,', 'workers,')}\n{ROW}", ["a column twice"]),
        (f"{HEADER}\n{ROW},1", ["line 2", "10 columns"]),
        (f"{HEADER}\n{ROW.replace('229.5', '0')}", ["line 2: samples_per_s", "above 0"]),
        (f"{HEADER}\n{ROW.replace('229.5', '-3')}", ["line 2: samples_per_s", "-3"]),
        (f"{HEADER}\n{ROW.replace('229.5', 'nan')}", ["line 2: samples_per_s", "nan"]),
        (f"{HEADER}\n{ROW.replace('229.5', '1e300')}", ["samples_per_s", "a step of"]),
        (f"{HEADER}\n{ROW.replace(',8,', ',0,')}", ["line 2: workers", "from 1"]),
        (f"{HEADER}\n{ROW.replace(',8,', ',9999999,')}", ["line 2: workers", "1000000"]),
        (f"{HEADER}\n{ROW.replace(',8,2,', ',8,0,')}", ["line 2: ps", "from 1"]),
        (f"{HEADER}\n{ROW.replace(',8,2,', ',9000,9000,')}", ["line 2: ps", "at most"]),
        (f"{HEADER}\n{ROW.replace('ps-sync', 'ps-sinc')}", ["did you mean ps-sync?"]),
        (f"{HEADER}\n{ROW.replace('InceptionV3', '')}", ["line 2: model", "nothing"]),
    ],
)
def test_slips_are_named(text: str, words: list[str]) -> None:
    message = refused(text)
    for word in words:
        assert word in message


def test_mixed_hardware() -> None:
    rows = read(f"{HEADER}\n{ROW}\n{ROW.replace('mine', 'Yours-2')}", "it.csv").rows
    with pytest.raises(InputError, match=r"mixed hardware \(mine, Yours-2\).*with system NAME"):
        of_system(rows, None, "it.csv")
    with pytest.raises(InputError, match="system: got theirs; allowed: mine, Yours-2"):
        of_system(rows, "theirs", "it.csv")
    assert of_system(rows, "yours2", "it.csv") == rows[1:]
    assert of_system(rows[:1], None, "it.csv") == rows[:1]


def test_models_by_any_spelling() -> None:
    rows = read(f"{HEADER}\n{ROW}\n{ROW.replace('InceptionV3', 'RESNET_50')}", "it.csv").rows
    named, workloads = workloads_of(rows, None, "it.csv")
    assert [row.model for row in named] == ["inception-v3", "resnet-50"]
    assert set(workloads) == {"inception-v3", "resnet-50"}


def test_a_model_that_does_not_ship() -> None:
    rows = read(f"{HEADER}\n{ROW}\n{ROW.replace('InceptionV3', 'InceptionV4')}", "it.csv").rows
    with pytest.raises(InputError, match=r"InceptionV4; allowed: .*workload.*inception-v3\?"):
        workloads_of(rows, None, "it.csv")
    mine = Workload("mine", read_workload("gemm:8,8").variables)
    named, workloads = workloads_of(rows, mine, "it.csv")
    assert [row.model for row in named] == ["inception-v3", "mine"]
    assert workloads["mine"] is mine
    with pytest.raises(InputError, match="all models ship"):
        workloads_of(rows[:1], mine, "it.csv")


cells = st.one_of(
    st.sampled_from(("", "0", "-1", "1", "64", "ps-sync", "allreduce", "VGG16", "229.5", "2,2")),
    st.sampled_from(("nan", "inf", "1e999", "9" * 400, "²", '"', "\x00", "ps-async")),
    st.text(max_size=8),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True),
    st.lists(st.lists(cells, min_size=1, max_size=9), max_size=4),
)
def test_any_text_is_rows_or_one_line(names: list[str], rows: list[list[str]]) -> None:
    text = "\n".join([",".join(names), *(",".join(row) for row in rows)])
    found: tuple[ScalingRow, ...] = ()
    with suppress(InputError):
        found = read(text, "it.csv").rows
    assert all(math.isfinite(row.step_time_s) and row.step_time_s > 0 for row in found)
