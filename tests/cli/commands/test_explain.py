from __future__ import annotations

import json

import pytest

import nworkers
from nworkers.models.records.prediction import row
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
