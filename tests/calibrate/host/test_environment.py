from __future__ import annotations

from nworkers.calibrate.host.environment import READERS, environment
from nworkers.calibrate.host.watch import Watch
from nworkers.models.records.environment_facts import FACTS, fact_text, fact_value


def test_every_fact_of_a_file_is_registered() -> None:
    watched = Watch().environment().facts
    names = {name.removesuffix("_before").removesuffix("_after") for name in watched}
    assert names <= FACTS.keys()
    assert READERS.keys() <= FACTS.keys()
    assert environment().facts.keys() <= READERS.keys()


def test_a_number_is_the_same_after_it_was_text() -> None:
    facts = {"stolen_share": fact_text("stolen_share", 0.1), "memory_total": "8000000 kB"}
    assert facts["stolen_share"] == "0.100"
    assert fact_value(facts, "stolen_share") == 0.1
    assert fact_value(facts, "memory_total") == 8e6
    assert fact_value(facts, "load_1min") is None
    assert fact_value({"cpu_model": "A"}, "cpu_model") is None


def test_what_two_runs_must_share_says_how() -> None:
    checked = {name for name, fact in FACTS.items() if fact.check}
    assert {"cpu_model", "cores_usable", "tensorflow", "python", "memory_total"} <= checked
    assert not FACTS["load_1min"].check
