from __future__ import annotations

import json

from nworkers.models.files.workload_toml import read_workload, shipped_workloads
from tests.cli.conftest import Run


def test_every_model_that_ships_is_listed(run: Run) -> None:
    done = run("models")
    assert (done.code, done.err) == (0, "")
    rows = {line.split()[0]: line.split() for line in done.out.splitlines() if line}
    for name in shipped_workloads():
        assert rows[name][1] == f"{read_workload(name).parameters:,}"
    assert "gemm:FEATURES,HIDDEN" in done.out
    assert "forward and backward" in done.out


def test_models_in_json(run: Run) -> None:
    document = json.loads(run("models", "--json").out)
    rows = {row["name"]: row for row in document["models"]}
    assert tuple(rows) == shipped_workloads()
    assert rows["gpt-2"] == {
        "name": "gpt-2",
        "parameters": 124_439_808,
        "size_bytes": 4 * 124_439_808,
        "tensors": 148,
        "dtype": "float32",
        "flops_per_sample": read_workload("gpt-2").flops_per_sample,
        "flops_source": rows["gpt-2"]["flops_source"],
        "origin": "Radford, 2019, the smallest, 1024 tokens",
    }
    assert [form["form"] for form in document["forms"]] == [
        "gemm:FEATURES,HIDDEN",
        "mlp:INPUT,HIDDEN,…,CLASSES",
    ]
    assert document["forms"][0]["example"]["parameters"] == 128 * 256


def test_models_takes_nothing(run: Run) -> None:
    assert run("models", "resnet-50").code == 2
