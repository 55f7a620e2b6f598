from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.calibrate.campaigns.examination import Finding, examine, memory_bytes, shaping
from nworkers.calibrate.campaigns.session import CalibrationRequest, expected
from nworkers.calibrate.training.runtime import TENSORFLOW


def of(folder: Path, what: str) -> Finding:
    (found,) = (one for one in examine(folder).findings if one.what == what)
    return found


def test_the_estimate_is_the_plan_s_own(tmp_path: Path) -> None:
    found = examine(tmp_path)
    assert found.quick_s == expected(CalibrationRequest(preset="quick")).estimate_s
    assert found.default_s == expected(CalibrationRequest()).estimate_s
    assert found.quick_s < found.default_s
    assert list(tmp_path.iterdir()) == []


def test_each_trouble_has_what_to_do_next(tmp_path: Path) -> None:
    for one in examine(tmp_path).findings:
        assert bool(one.next) == (one.health != "good"), one


def test_without_tensorflow_calibrate_cannot_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = replace(TENSORFLOW, package="nowhere")
    monkeypatch.setattr("nworkers.calibrate.campaigns.examination.TENSORFLOW", elsewhere)
    found = examine(tmp_path)
    assert not found.can_calibrate
    assert "pip install 'nworkers[tf]'" in of(tmp_path, "TensorFlow").next


def test_a_folder_that_takes_no_file() -> None:
    # Even root may create nothing there.
    found = of(Path("/proc"), "writing here")
    assert found.health == "bad"
    assert not examine(Path("/proc")).can_calibrate


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("qdisc noqueue 0: dev lo root refcnt 2\nqdisc fq_codel 0: dev eth0 root", "none"),
        (
            "qdisc netem 8001: dev lo root refcnt 2 limit 1000 delay 1ms\n"
            "qdisc tbf 8002: dev eth0 root refcnt 2 rate 1Gbit",
            "lo by netem, eth0 by tbf",
        ),
        ("", "none"),
    ],
)
def test_links_that_are_slowed_on_purpose(said: str, state: str) -> None:
    found = shaping(said)
    assert found.state == state
    assert ("tc qdisc del dev lo root" in found.next) == ("lo by" in state)


def test_memory_is_that_of_the_control_group(tmp_path: Path) -> None:
    info, limit = tmp_path / "meminfo", tmp_path / "memory.max"
    assert memory_bytes(info, limit) is None
    info.write_text("MemTotal:       8000000 kB\nMemFree: 1 kB\n")
    assert memory_bytes(info, limit) == 8.192e9
    limit.write_text("max\n")
    assert memory_bytes(info, limit) == 8.192e9
    limit.write_text("1000000000\n")
    assert memory_bytes(info, limit) == 1e9
