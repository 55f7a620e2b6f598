"""`scale fit` of other people's measurements, to the prediction that they change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nworkers.models.files.store import read_profile
from tests.cli.conftest import Run
from tests.support.synthetic import synthetic
from tests.support.tables import FILES, POSTED, SAMPLES

ALL_REDUCE = ("predict", "--strategy", "allreduce", "--workers", "8", "--json")


def written(run: Run, tmp_path: Path, name: str, *options: object) -> Path:
    path = tmp_path / f"{name}.json"
    done = run("fit", SAMPLES / name, "-o", path, *options)
    assert done.code == 0, done.err
    return path


@pytest.mark.parametrize("name", FILES)
def test_every_sample_says_what_it_gives_and_what_the_base(run: Run, name: str) -> None:
    done = run("fit", SAMPLES / name)
    assert done.code == 0, done.err
    assert f"{name}: " in done.out
    (device,) = (line for line in done.out.splitlines() if line.startswith("device "))
    assert "the base, emulated-1gbit" in device
    assert "the table" in done.out
    # A profile's intervals are as firm as the fewest rounds behind it.
    assert ("provisional" in done.out) == (name != "transfers.csv")
    document = json.loads(run("fit", SAMPLES / name, "--json").out)
    assert document["imported"]["source"] == name
    assert len(document["imported"]["rows"]) == document["imported"]["row_count"]
    parameters = {row["parameter"] for row in document["parameters"]}
    assert parameters >= set(document["imported"]["parameters"])


def test_torch_users_all_reduce_decides_the_prediction(
    run: Run, network: Path, tmp_path: Path
) -> None:
    """α = 50 µs and 1 GB/s instead of a fetch's 600 µs and 250 MB/s, on the same base."""
    profile = written(run, tmp_path, "torch.csv", "--base", network)
    assert read_profile(profile).collective.measured
    before = json.loads(run(*ALL_REDUCE, "--calibration", network).out)
    after = json.loads(run(*ALL_REDUCE, "--calibration", profile).out)
    assert any("not measured" in why for why in before["extrapolated"])
    assert not any("not measured" in why for why in after["extrapolated"])
    assert any("none is charged" in why for why in after["extrapolated"])
    latency = after["breakdown"]["collective_latency"]
    assert latency == pytest.approx(2 * 7 * 50e-6, rel=0.15)
    assert latency < before["breakdown"]["collective_latency"] / 8
    assert after["step_time_s"] < before["step_time_s"]
    # A parameter server's job is none of its business.
    steps = [
        json.loads(run("predict", "--workers", "4", "--json", "--calibration", p).out)[
            "step_time_s"
        ]
        for p in (network, profile)
    ]
    assert steps[0] == steps[1]


def test_extrapolation_beyond_the_groups_is_said(run: Run, tmp_path: Path) -> None:
    profile = written(run, tmp_path, "nccl.txt")
    answer = run("predict", "--strategy", "allreduce", "--workers", "16", "--calibration", profile)
    assert "16 workers, imported 8 to 8" in answer.out


def test_a_wire_between_my_hosts(run: Run, loopback: Path, tmp_path: Path) -> None:
    """A calibration of one host, and iperf3's rate: hosts of their own can be predicted."""
    command = ("predict", "--workers", "2", "--placement", "separate", "--calibration")
    assert run(*command, loopback).code == 2
    profile = written(run, tmp_path, "iperf3.json", "--base", loopback)
    done = run(*command, profile)
    assert done.code == 0, done.err
    assert "(imported)" in done.out


def test_files_are_told_by_content_and_not_by_suffix(run: Run, tmp_path: Path) -> None:
    odd = tmp_path / "table.json"
    odd.write_text((SAMPLES / "nccl.txt").read_text())
    assert "nccl-tests" in run("fit", odd).out


def test_group_of_osu(run: Run, tmp_path: Path) -> None:
    bare = tmp_path / "osu.txt"
    bare.write_text((SAMPLES / "osu_allreduce.txt").read_text().partition("\n")[2])
    assert "--workers N" in run("fit", bare).error
    assert "--workers: got 1" in run("fit", bare, "--workers", "1").error
    assert json.loads(run("fit", bare, "--workers", "16", "--json").out)["imported"]["rows"][0][
        "workers"
    ] == 16  # fmt: skip


def test_one_of_several_settings_is_asked_for(run: Run) -> None:
    """The answer says which were there and how to ask; a name that is none lists them."""
    command = ("fit", POSTED / "osu_algorithms.txt", "--workers", "200")
    fastest = run(*command)
    assert "5 series" in fastest.out
    assert "--series asks for one" in fastest.out
    assert "provisional: they rest on 1 round" in fastest.out
    asked = json.loads(run(*command, "--series", "3: ring", "--json").out)["imported"]["rows"]
    assert [row["series"] for row in asked] == ["3: ring"] * 6
    assert asked[0]["seconds"] == pytest.approx(775.24e-6)
    assert "--series: got binomial; allowed" in run(*command, "--series", "binomial").error
    csv = run("fit", SAMPLES / "torch.csv", "--series", "ring")
    assert "--series: got ring with a CSV" in csv.error


def test_a_refusal_names_the_command_that_is_wanted(run: Run) -> None:
    done = run("fit", POSTED / "nccl_broadcast.txt")
    assert done.code == 2
    assert "broadcast_perf of nccl-tests" in done.error
    assert "./build/all_reduce_perf -b 8 -e 1G -f 2 -g 8" in done.error
    utf16 = run("fit", POSTED / "nccl_utf16.txt", "--json")
    assert json.loads(utf16.out)["imported"]["row_count"] == 5


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "an empty file"),
        (b"\x89PNG\r\n\x1a\n\xff\xff", "no text"),
        (b"MZ\x00\x01\x02 text", "nccl-tests"),
        (b"quantity,size_bytes,second\nfetch,1,1\n", "did you mean it by second?"),
        (b"quantity,size_bytes,seconds\n", "header without rows"),
        (b'{"end": {}, "error": "the server is busy"}', "the server is busy"),
        (b"# Collective test starting: all_gather_perf\n", "all_gather_perf"),
        (b'{"kind": "profile", "schema_version": "1.0"}', "calibration"),
    ],
)
def test_bad_files(run: Run, tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "given.txt"
    path.write_bytes(content)
    done = run("fit", path, "-o", tmp_path / "out.json")
    assert done.code == 2
    assert str(path) in done.error
    assert word in done.error
    assert [p.name for p in tmp_path.iterdir()] == ["given.txt"]


def test_options_of_the_one_and_of_the_other(run: Run, tmp_path: Path) -> None:
    from nworkers.models.files.store import write_record

    samples = tmp_path / "c.json"
    write_record(samples, synthetic(rounds=2), force=False)
    assert "--base" in run("fit", samples, "--base", "emulated-1gbit").error
    assert "--workers" in run("fit", samples, "--workers", "4").error
    assert "--base" in run("fit", SAMPLES / "nccl.txt", "--base", "nowhere").error
    there = tmp_path / "there.json"
    there.write_text("mine")
    assert "--force" in run("fit", SAMPLES / "nccl.txt", "-o", there).error


def test_a_log_of_all_reduces_is_asked_about_by_that_strategy(run: Run, tmp_path: Path) -> None:
    wanted = "Next: scale predict --workers 4 --strategy allreduce --calibration "
    assert wanted in run("fit", SAMPLES / "nccl.txt", "-o", tmp_path / "x.json").out
    done = run("fit", SAMPLES / "iperf3.json", "-o", tmp_path / "y.json")
    assert "Next: scale predict --workers 4 --calibration " in done.out


def test_a_log_of_one_host_names_what_was_typed(run: Run) -> None:
    done = run("fit", SAMPLES / "nccl-one-host.txt", "-o", "p.json")
    assert done.code == 0, done.err
    asked = ("--strategy", "allreduce", "--calibration", "p.json")
    for names, wanted in (
        (("predict", "--workers", "16"), "--workers: got 16 workers on 4 hosts"),
        (("breakeven", "--max-workers", "8"), "--max-workers: got 8 workers on 2 hosts"),
        (("predict", "--workers", "16", "--hosts", "8"), "--hosts: got 16 workers on 8 hosts"),
    ):
        assert run(*names, *asked).error.startswith(wanted)


@pytest.mark.parametrize("name", ["nccl.txt", "nccl-one-host.txt"])
def test_what_is_not_identified_is_explained_where_it_is_said(run: Run, name: str) -> None:
    said = run("fit", SAMPLES / name).out
    assert ("Not identified: too small to see" in said) == ("not identified   " in said)
