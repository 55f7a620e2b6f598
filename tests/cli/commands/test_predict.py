from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nworkers.models.files import shipped
from nworkers.models.files.store import write_record
from nworkers.models.records.prediction import CAUSES
from tests.cli.conftest import Run
from tests.support.factories import profile

ROW_FIELDS = {
    "workers", "ps", "hosts", "placement", "strategy", "runtime", "scaling", "global_batch",
    "per_worker_batch", "step_time_s", "step_time_s_interval", "throughput_samples_per_s",
    "throughput_samples_per_s_interval", "single_process_samples_per_s", "speedup",
    "speedup_interval", "efficiency", "probability_beats", "compute_source", "extrapolated",
    "bottleneck", "breakdown", "memory",
}  # fmt: skip


def check_row(row: dict[str, Any]) -> None:
    assert row.keys() >= ROW_FIELDS
    for name in ("step_time_s", "throughput_samples_per_s", "speedup"):
        low, high = row[f"{name}_interval"]
        assert low <= row[name] <= high
    breakdown = row["breakdown"]
    assert set(breakdown) <= set(CAUSES)
    assert row["bottleneck"] in breakdown
    assert sum(breakdown.values()) == pytest.approx(row["step_time_s"], rel=1e-9)


def test_predict_json_holds_the_contract(run: Run, network: Path) -> None:
    done = run("predict", "--workers", "4", "--calibration", network, "--json")
    # On a busy machine it takes longer than two seconds, and says how far it is.
    noted = [line for line in done.err.splitlines() if not line.startswith("predicting: ")]
    assert (done.code, noted) == (0, [])
    row = json.loads(done.out)
    check_row(row)
    assert row["workers"] == 4
    assert row["placement"] == "separate"
    assert row["per_worker_batch"] == 8


def test_memory_of_a_row(run: Run, network: Path) -> None:
    command = ("predict", "--workers", "2", "--ps", "2", "--calibration", network)
    size = 128 * 256 * 4
    found = {"ps_bytes": [3 * size, 0], "worker_bytes": 2 * size, "host_bytes": 3 * size}
    unknown = json.loads(run(*command, "--json").out)["memory"]
    assert unknown == found | {"available_bytes": None}
    stated = run(*command, "--memory", "16GB", "--json")
    assert json.loads(stated.out)["memory"] == found | {"available_bytes": 16e9}
    assert (
        "Memory of tensors: a ps 393 kB, a worker 262 kB, the fullest host 393 kB of 16.0 GB."
        in run(*command, "--memory", "16GB").out
    )


def test_what_a_base_stands_in_for_until_it_is_stated(run: Run) -> None:
    command = ("--strategy", "ps-sync", "--batch", "8", "--json")
    known = ("--spread", "3 %", "--cores", "48")
    waits = ("(its noise)", "(its cores)")

    def lines(rows: list[dict[str, Any]]) -> list[str]:
        told = (reason for row in rows for reason in row["extrapolated"])
        return [reason for reason in told if reason.startswith("base emulated-1gbit: ")]

    for asked in (("predict", "--workers", "4"), ("breakeven", "--max-workers", "4")):
        said = lines(json.loads(run(*asked, *command).out)["rows"])
        assert waits[0] in said[-1]
        stated = lines(json.loads(run(*asked, *command, *known).out)["rows"])
        assert stated
        assert not [line for line in stated for words in waits if words in line]
    text = run("breakeven", "--max-workers", "4", *command[:-1]).out
    assert text.count("base emulated-1gbit: ") == 1


def test_predict_of_several_counts(run: Run, network: Path) -> None:
    done = run("predict", "--workers", "4,1,2,2", "--calibration", network, "--json")
    rows = json.loads(done.out)["rows"]
    assert [row["workers"] for row in rows] == [1, 2, 4]
    for row in rows:
        check_row(row)


def test_the_same_seed_gives_the_same_answer(run: Run, network: Path) -> None:
    command = ("predict", "--workers", "3", "--calibration", network, "--json", "--seed")
    assert run(*command, "7").out == run(*command, "7").out
    assert run(*command, "7").out != run(*command, "8").out


def test_predict_table(run: Run, network: Path) -> None:
    done = run("predict", "--workers", "4", "--calibration", network)
    assert done.code == 0
    assert "4 workers train " in done.out
    assert "each step spends " in done.out
    assert done.out.count("not time to accuracy") == 1
    assert "made up for tests (emulated hosts)" in done.out
    assert max(map(len, done.out.splitlines())) < 120


def test_breakeven_json_holds_the_contract(run: Run, network: Path) -> None:
    done = run("breakeven", "--calibration", network, "--max-workers", "6", "--json")
    assert done.code == 0
    document = json.loads(done.out)
    for row in document["rows"]:
        check_row(row)
    assert document["breakeven_workers"] == 2
    low, high = document["breakeven_workers_interval"]
    assert low <= 2 <= high
    assert document["beats_single"] == [[2, 6]]
    assert document["breakeven_hosts"] == 3


def test_breakeven_never_is_an_answer(run: Run, loopback: Path) -> None:
    done = run(
        "breakeven", "--calibration", loopback, "--max-workers", "3", "--workload", "gemm:2048,2048"
    )
    assert done.code == 0
    assert "No number of workers up to 3 beats one process: at best, " in done.out


def test_strong_scaling_ends_the_curve(run: Run, network: Path) -> None:
    done = run("breakeven", "--calibration", network, "--batch", "2", "--json")
    assert "ends at as many workers" in done.err
    assert json.loads(done.out)["max_workers"] == 2


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_breakeven_plot(run: Run, network: Path, tmp_path: Path, suffix: str, start: bytes) -> None:
    path = tmp_path / f"curve.{suffix}"
    done = run("plot", "breakeven", "--calibration", network, "--max-workers", "3", "-o", path)
    assert done.code == 0, done.err
    content = path.read_bytes()
    assert content.startswith(start)
    assert len(content) > 5000
    run("plot", "breakeven", "--calibration", network, "--max-workers", "3", "-o", path, "--force")
    assert path.read_bytes() == content, "the same answer gives the same file"


def test_shipped_profile_says_whose_hardware(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "PROFILES", tmp_path)
    write_record(tmp_path / "emulated-1gbit.json", profile(link__kind="network"), force=False)
    done = run("predict", "--workers", "2", "--json")
    assert done.code == 0
    assert "not your hardware but the shipped profile emulated-1gbit" in done.err
    assert "scale calibrate -o my.json" in done.err
    assert done.err.count("\n") == 1
    json.loads(done.out)
    assert run("predict", "--workers", "2", "--link", "emulated-1gbit").code == 0


@pytest.mark.parametrize(
    ("options", "placement", "hosts"),
    [
        ((), "separate", 5),
        (("--placement", "shared"), "shared", 1),
        (("--hosts", "2"), "mixed", 3),
        (("--workers-per-host", "2", "--ps-placement", "shared"), "mixed", 2),
        (("--strategy", "allreduce"), "separate", 4),
    ],
)
def test_placement(
    run: Run, network: Path, options: tuple[str, ...], placement: str, hosts: int
) -> None:
    done = run("predict", "--workers", "4", "--calibration", network, "--json", *options)
    row = json.loads(done.out)
    assert (row["placement"], row["hosts"]) == (placement, hosts)


def test_loopback_shares_one_host_by_default(run: Run, loopback: Path) -> None:
    done = run("predict", "--workers", "4", "--calibration", loopback, "--json")
    assert json.loads(done.out)["placement"] == "shared"


def test_a_step_time_takes_the_place_of_all_that_is_known(run: Run) -> None:
    """Of the calibrated workload too, whose step was measured on the device."""
    command = ("predict", "--workers", "2", "--batch", "64", "--json")
    known = json.loads(run(*command).out)
    stated = json.loads(run(*command, "--step-time", "500ms@64").out)
    assert (known["compute_source"], stated["compute_source"]) == ("step_table", "stated")
    assert 64 / stated["single_process_samples_per_s"] == pytest.approx(0.5, rel=0.02)
    # One row tells of no floor: half the batch takes half the time, and the answer says so.
    assert stated["breakdown"]["compute"] == pytest.approx(0.25, rel=0.02)
    assert any("outside the stated 64 alone" in reason for reason in stated["extrapolated"])
    rows = ("--step-time", "500ms@64", "--step-time", "400ms@32")
    two = json.loads(run(*command, *rows).out)
    assert two["breakdown"]["compute"] == pytest.approx(0.4, rel=0.02)
    assert not any("stated" in reason for reason in two["extrapolated"])


def test_a_step_time_keeps_the_variables_of_a_model_that_ships(run: Run) -> None:
    command = ("predict", "--workers", "2", "--workload", "bert-base", "--json")
    done = json.loads(run(*command, "--step-time", "120ms@32", "--batch", "32").out)
    assert done["memory"]["worker_bytes"] == 2 * 4 * 109_482_240
    assert 32 / done["single_process_samples_per_s"] == pytest.approx(0.12, rel=0.02)
    assert "compute time from: the step time that was stated" in (
        run(*command[:-1], "--step-time", "120ms@32").out
    )


def test_settings_are_listed_with_what_is_set(run: Run) -> None:
    listed = json.loads(run("predict", "--settings", "--json").out)["settings"]
    before = {row["path"]: row for row in listed}
    assert before["link.fetch.latency_s"]["unit"] == "s"
    low, high = before["link.fetch.latency_s"]["interval"]
    assert low <= before["link.fetch.latency_s"]["value"] <= high
    done = run("predict", "--settings", "--json", "--set", "link.fetch.latency_s=50us")
    after = {row["path"]: row for row in json.loads(done.out)["settings"]}
    assert after["link.fetch.latency_s"]["value"] == pytest.approx(50e-6)
    assert [path for path, row in after.items() if row["set"]] == ["link.fetch.latency_s"]
    text = run("predict", "--settings").out
    assert all(path in text for path in before)


def test_every_quantity_that_is_listed_can_be_set(run: Run) -> None:
    listed = json.loads(run("predict", "--settings", "--json").out)["settings"]
    known = [row["path"] for row in listed if row["value"] is not None]
    sets = [word for path in known for word in ("--set", f"{path}=1.01x")]
    sets.remove("host.compute_under_load=1.01x") if "host.compute_under_load" in known else None
    done = run("predict", "--settings", "--json", *sets)
    assert all(row["set"] for row in json.loads(done.out)["settings"] if row["path"] in known)


def test_a_machine_that_is_set_is_marked(run: Run) -> None:
    command = ("predict", "--workers", "2", "--set", "link.fetch.per_tensor_s=2x")
    document = json.loads(run(*command, "--json").out)
    assert document["as_measured"] is False
    (setting,) = document["settings"]
    assert setting["value"] == pytest.approx(2 * setting["measured"])
    assert (setting["path"], setting["factor"]) == ("link.fetch.per_tensor_s", 2.0)
    text = run(*command).out
    assert "no longer as measured" in text
    assert "this is no longer the machine that was measured" in text
    plain = json.loads(run("predict", "--workers", "2", "--json").out)
    assert (plain["as_measured"], plain["settings"]) == (True, [])


def test_workers_are_asked_for(run: Run) -> None:
    assert "--workers: got nothing" in run("predict").error


def test_a_step_time_without_its_model_is_told(run: Run) -> None:
    asked = ("predict", "--workers", "2", "--step-time", "120ms@64", "--batch", "64")
    assert "the bytes are those of gemm:128,256; --workload names" in run(*asked).err
    assert "the bytes are" not in run(*asked, "--workload", "resnet-50").err
