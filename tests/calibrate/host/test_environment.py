from __future__ import annotations

from pathlib import Path

import pytest

from nworkers.calibrate.host.environment import OF_GPUS, READERS, environment, l2_cache_kib
from nworkers.calibrate.host.watch import Watch
from nworkers.models.records.environment_facts import FACTS, fact_text, fact_value
from tests.support.nvidia_smi import TWO, put_command


def test_every_fact_of_a_file_is_registered() -> None:
    watched = Watch().environment().facts
    names = {name.removesuffix("_before").removesuffix("_after") for name in watched}
    assert names <= FACTS.keys()
    assert READERS.keys() | OF_GPUS.keys() <= FACTS.keys()
    assert environment().facts.keys() <= READERS.keys() | OF_GPUS.keys()


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
    assert {"gpu", "gpus", "gpu_memory", "gpu_power_limit", "cuda"} <= checked


def test_a_gpu_is_on_record_with_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_command(tmp_path, TWO, "7, /usr/bin/python, 36000")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = Watch().environment()
    told = {name: text for name, text in found.facts.items() if "gpu" in name}
    assert told == {
        "gpu": "NVIDIA A100-SXM4-80GB",
        "gpus": "2",
        "gpu_memory": "81920",
        "gpu_clock_max": "1410",
        "gpu_power_limit": "400",
        "gpu_driver": "535.104.05",
        "gpu_clock_mhz_before": "210",
        "gpu_memory_used_before": "0",
        "gpu_processes_before": "python (36000 MiB)",
        "gpu_clock_mhz_after": "210",
        "gpu_memory_used_after": "0",
        "gpu_processes_after": "python (36000 MiB)",
    }
    assert found.hardware.endswith(", 2 × NVIDIA A100-SXM4-80GB")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert environment().facts["gpus"] == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "gpu" not in environment().facts


def test_the_cache_that_decides_on_threads_is_on_record(tmp_path: Path) -> None:
    for place, (level, size) in enumerate((("1", "32K"), ("1", "48K"), ("2", "2048K"))):
        folder = tmp_path / f"index{place}"
        folder.mkdir()
        (folder / "level").write_text(f"{level}\n")
        (folder / "size").write_text(f"{size}\n")
    assert l2_cache_kib(tmp_path) == 2048.0
    assert l2_cache_kib(tmp_path / "none") is None
