from __future__ import annotations

import json
from pathlib import Path

import pytest

import nworkers
from nworkers.cli.shown.row_json import row
from tests.cli.conftest import Run


def test_the_answer_comes_first_then_where_time_goes_then_what_each_cause_costs(run: Run) -> None:
    done = run("explain", "--workers", "4")
    assert done.code == 0
    first, *rest = done.out.splitlines()
    assert first.startswith("4 workers train ")
    assert "Without waiting for the shared link they would be " in first
    text = "\n".join(rest)
    places = [
        text.index(words)
        for words in ("where a step's time goes", "times as fast", "1 % more of", "Rests on")
    ]
    assert places == sorted(places)


def test_the_document_has_the_records_of_python_and_the_row_of_predict(run: Run) -> None:
    document = json.loads(run("explain", "--workers", "3", "--json").out)
    found = nworkers.explain(nworkers.JobRequest(), 3)
    assert document["answer"]
    assert {k: document[k] for k in row(found.row)} == json.loads(json.dumps(row(found.row)))
    for key, records in (("without", found.freed), ("elasticities", found.elasticities)):
        told = [{**each} for each in document[key]]
        assert told == [json.loads(json.dumps(vars(of))) for of in records]


def test_one_worker_and_a_job_that_nothing_moves(run: Run) -> None:
    done = run("explain", "--workers", "1", "--workload", "gemm:128,256")
    assert "Without transfer of variables it would be" in done.out.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--workers"),
        (("--workers", "0"), "--workers: got 0"),
        (("--workers", "1,2"), "--workers: got 1,2"),
        (("--workers", "64"), "workers: got 64; allowed: at most the global batch (32)"),
    ],
)
def test_what_cannot_be_explained_is_one_line(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    done = run("explain", *arguments)
    assert done.code == 2
    assert said in done.err


def test_a_run_is_set_beside_the_prediction(run: Run, tmp_path: Path) -> None:
    step_s = nworkers.predict(nworkers.JobRequest(), 4).step_time_s
    for name, factor, word in (("normal", 1.0, "Normal: "), ("slow", 2.0, "Slow: ")):
        lines = "\n".join(str(1e3 * factor * step_s * (1 + 0.01 * (k % 3))) for k in range(90))
        (tmp_path / f"{name}.csv").write_text(f"ms\n{lines}\n")
        done = run("explain", "--workers", "4", "--measured", f"{name}.csv")
        assert done.out.startswith(word)
        assert ("transfers over the wire" in done.out) == (name == "slow")
        assert "where a step's time goes" in done.out
    document = json.loads(run("explain", "--workers", "4", "--measured", "slow.csv", "--json").out)
    assert document["answer"].startswith("Slow: ")
    measured = document["measured"]
    assert measured["verdict"] == "slow"
    assert measured["ratio"] == pytest.approx(2.02, rel=0.01)
    assert measured["suspects"][0]["part"] == "transfer"


def test_a_run_that_is_none_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.csv").write_text("loss\n1\n")
    assert "run.csv: got loss" in run("explain", "--workers", "2", "--measured", "run.csv").error
    assert "no such file" in run("explain", "--workers", "2", "--measured", "no.csv").error
