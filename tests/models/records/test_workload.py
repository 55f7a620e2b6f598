from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.files.workload_toml import read_workload, shipped_workloads, workload_text
from nworkers.models.records.workload import Cost, StepSeconds, Variable, Workload, named_workload

VARIABLE = '[[variables]]\nname = "w"\nshape = [512, 512]\n'
COST = "[cost]\nfloor_s = 1\nper_sample_s = 1\n"
STEP = "[[step]]\nbatch = 8\nseconds = 1\n"


def test_gemm_is_one_variable_of_one_product() -> None:
    gemm = named_workload("gemm:128,256")
    assert gemm.variables == (Variable("weights_0", (128, 256)),)
    assert gemm.size_bytes == 131_072
    assert gemm.flops_per_sample == 2 * 2 * 128 * 256


def test_mlp_has_weights_and_biases() -> None:
    mlp = named_workload("mlp:784,512,10")
    assert [v.shape for v in mlp.variables] == [(784, 512), (512,), (512, 10), (10,)]
    assert mlp.flops_per_sample == 4 * 784 * 512 + 6 * 512 * 10
    assert mlp.widths == (784, 512, 10)


@pytest.mark.parametrize(
    "name", ["gemm", "gemm:0,4", "gemm:1,2,3", "mlp:3", "rnn:4,5", "", "gemm:-1,2"]
)
def test_names_that_mean_nothing(name: str) -> None:
    with pytest.raises(InputError, match=r"^workload: "):
        named_workload(name)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("flops_per_sample = 8e9", {"flops_per_sample": 8e9}),
        ("[cost]\nfloor_s = 0.01\nper_sample_s = 1e-3", {"cost": Cost(0.01, 1e-3)}),
        (
            "[[step]]\nbatch = 8\nseconds = 0.02\n[[step]]\nbatch = 32\nseconds = 0.05",
            {"step": (StepSeconds(8, 0.02), StepSeconds(32, 0.05))},
        ),
    ],
)
def test_a_file(tmp_path: Path, text: str, source: dict[str, Any]) -> None:
    path = tmp_path / "resnet.toml"
    path.write_text(f'name = "resnet"\n{text}\n{VARIABLE}dtype = "float16"\n')
    variables = (Variable("w", (512, 512), "float16"),)
    assert read_workload(str(path)) == Workload("resnet", variables, **source)
    assert read_workload("gemm:128,256") == named_workload("gemm:128,256")


def test_one_source_of_compute(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    flops = "flops_per_sample = 8e9\n"
    for text, words in (
        (VARIABLE + COST + STEP, "got \\[cost\\] and \\[\\[step\\]\\]; allowed: .*keep one"),
        (flops + VARIABLE + STEP, "got \\[\\[step\\]\\] and flops_per_sample; allowed: .*keep one"),
        (flops + VARIABLE + COST, "got \\[cost\\] and flops_per_sample; allowed: .*keep one"),
    ):
        path.write_text('name = "mine"\n' + text)
        with pytest.raises(InputError, match=words):
            read_workload(str(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("name = ]", "line 1, column"),
        ('name = "a"\nvariables = []\n' + COST, "variables: got none"),
        ('name = "a"\n' + VARIABLE, "cost: got none"),
        (VARIABLE, "name: got nothing"),
        ('name = "a"\nflop_per_sample = 3\n' + VARIABLE, "did you mean flops_per_sample"),
        ('name = "a"\n' + VARIABLE + COST.replace("1", "nan"), "cost.floor_s: got NaN"),
        ('name = "a"\nflops_per_sample = -1\n' + VARIABLE, "flops_per_sample: got -1"),
        ('name = "a"\nflops_per_sample = "1"\n' + VARIABLE, 'flops_per_sample: got "1"'),
        ('name = "a"\n' + VARIABLE + 'dtype = "int4"\n' + COST, "float16"),
        ('name = "a"\n' + VARIABLE + "shap = 3\n" + COST, "variables[0].shap"),
        ('name = "a"\nvariables = 3\n' + COST, "variables: got 3"),
        ('name = "a"\n' + VARIABLE.replace("512", "0") + COST, "shape[0]: got 0"),
        ('name = "a"\n' + VARIABLE.replace("512", "9999999") + COST, "variables[0].shape"),
        ('name = "gemm:1,2"\n' + VARIABLE + COST, "a name of its own"),
        ('name = " "\n' + VARIABLE + COST, "a name of its own"),
        ('name = "a"\n' + VARIABLE + STEP + STEP, "ascending"),
    ],
)
def test_slips_in_a_file(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "model.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_workload(str(path))
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "workload",
    [
        *map(read_workload, shipped_workloads()),
        Workload('a "b" é', (Variable("w/x", (2, 3), "float16"),), cost=Cost(1e-9, 3)),
        Workload("t", (Variable("s", ()),), step=(StepSeconds(1, 0.1), StepSeconds(8, 1e-5))),
    ],
    ids=lambda workload: workload.name,
)
def test_a_written_workload_is_read_back(workload: Workload, tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text(workload_text(workload))
    assert read_workload(str(path)) == workload
