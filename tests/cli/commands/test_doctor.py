from __future__ import annotations

import json

from nworkers.calibrate.campaigns.examination import Examination, Finding
from nworkers.cli.shown import doctor_text
from tests.cli.conftest import Run


def test_both_views_say_the_same(run: Run) -> None:
    done = run("doctor", "--json")
    document = json.loads(done.out)
    assert done.code == (0 if document["can_calibrate"] else 1)
    said = run("doctor")
    assert said.code == done.code
    for finding in document["findings"]:
        assert finding["what"] in said.out
        assert finding["health"] in ("good", "doubtful", "bad")
    names = {finding["what"] for finding in document["findings"]}
    assert {"Python", "TensorFlow", "simulator", "extras", "cores", "memory", "GPUs"} <= names
    assert {"ports", "traffic shaping", "network namespaces", "writing here"} <= names


def test_what_stands_in_the_way_is_named_last() -> None:
    bad = Finding("TensorFlow", "not installed", "bad", "pip install it")
    said = str(doctor_text.report(Examination((Finding("Python", "3.11"), bad), None, None)))
    assert "NO  TensorFlow  not installed\n                next: pip install it" in said
    assert "cannot run yet: see TensorFlow." in said
    good = str(doctor_text.report(Examination((Finding("Python", "3.11"),), 41.0, 300.0)))
    assert "scale calibrate --quick -o my.json  at most 41 s" in good
