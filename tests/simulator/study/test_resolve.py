"""Resolving a request: typed in, typed out, each file read once, and nothing printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.models.base.errors import InputError
from nworkers.models.files import store
from nworkers.models.files.input_file import read_bytes
from nworkers.models.files.shipped import shipped_profiles
from nworkers.models.files.store import write_record
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.profile import RoundLevels
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload
from nworkers.simulator.study.resolve import resolve
from tests.support.factories import parameter, profile

FRESH = Path(__file__).parents[3] / "benchmarks" / "data" / "h100-second-host-quick.json.gz"
H100 = Path(__file__).parents[2] / "kept" / "h100-quick.json.gz"
NETWORK = profile(link__kind="network")


def test_the_usual_job() -> None:
    job = resolve(JobRequest(), [1, 4])
    assert job.shipped == "emulated-1gbit"
    assert [(s.workers, s.batch, s.runtime) for s in job.scenarios] == [
        (1, 32, "session"),
        (4, 32, "session"),
    ]


def test_each_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "profile.json"
    write_record(path, NETWORK, force=False)
    reads: list[Path] = []

    def counted(path: Path, wanted: str) -> bytes:
        reads.append(path)
        return read_bytes(path, wanted)

    monkeypatch.setattr(store, "read_bytes", counted)
    job = resolve(JobRequest(profile=path, link=str(path)), [1, 2, 4])
    assert reads == [path, path]
    assert (job.profile.hardware, len(job.scenarios)) == (NETWORK.hardware, 3)


def test_records_serve_as_well_as_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    workload = named_workload("mlp:784,512,10")
    job = resolve(JobRequest(NETWORK, workload=workload, strategy="allreduce"), [2])
    assert (job.profile, job.shipped) == (NETWORK, None)
    assert job.scenarios[0].workload is workload
    assert job.scenarios[0].runtime == "mirrored"
    fast = profile(link__shared_bandwidth_bytes_per_s=parameter(1e11, "bytes/s"))
    with_doubts = resolve(JobRequest("loopback-2core", link=fast), [2, 4])
    assert len(with_doubts.doubts) == len(set(with_doubts.doubts)) > 0
    assert not resolve(JobRequest("loopback-2core", link="emulated-1gbit"), [2, 4]).doubts
    assert capsys.readouterr() == ("", "")


def test_stated_memory_comes_before_measured() -> None:
    known = resolve(JobRequest(H100, device="cpu"), [1]).profile
    assert known.host.memory_bytes == 131981020 * 1024
    assert known.device.workloads[0].activation_bytes_per_sample == pytest.approx(11701.2, rel=1e-4)
    stated = resolve(JobRequest(H100, memory_bytes=16e9), [1]).profile
    assert stated.host.memory_bytes == 16e9
    with pytest.raises(InputError, match="memory_bytes: got 16"):
        resolve(JobRequest(H100, memory_bytes=16), [1])


@pytest.mark.parametrize("curve", [False, True])
@pytest.mark.parametrize("name", [*shipped_profiles(), H100])
def test_a_table_on_one_of_four_ps_is_refused(name: str | Path, curve: bool) -> None:
    table = Workload("table", (Variable("table", (25_000_000, 250)),), cost=Cost(0.01, 1e-4))
    request = JobRequest(name, workload=table, ps=4, memory_bytes=64e9)
    with pytest.raises(InputError) as caught:
        resolve(request, [4], curve=curve)
    assert "tensors" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_curve_ends_at_one_sample_a_worker() -> None:
    (scenario,) = resolve(JobRequest(batch=8), [64], curve=True).scenarios
    assert scenario.workers == 8


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (JobRequest(NETWORK, strategy="ps-asink"), r"^strategy: .*mean ps-async"),  # type: ignore[arg-type]
        (JobRequest(NETWORK, placement="shared", hosts=2), "^hosts: got 2 beside placement"),
        (JobRequest(NETWORK, hosts=2, workers_per_host=2), "^hosts: got 2 beside workers_per_host"),
        (JobRequest(NETWORK, hosts=3), "^hosts: got 3 for 4 workers"),
        (JobRequest(NETWORK, hosts=5), "^hosts: got 5; allowed: an integer from 1 to 4"),
        (JobRequest("loopback-2core", placement="separate"), "^placement: .*add link NAME"),
        (JobRequest("nowhere"), "^calibration: got nowhere"),
        (JobRequest(NETWORK, batch=0), "^batch: got 0"),
    ],
)
def test_what_cannot_be_is_refused_by_field(request_: JobRequest, words: str) -> None:
    with pytest.raises(InputError, match=words):
        resolve(request_, [4])


def test_rounds_far_apart_are_a_doubt_of_every_answer() -> None:
    """Of a profile that says so, and of a file whose version did not say it yet."""
    for levels, told in (
        (RoundLevels((1.2, 0.8), 0.01), True),
        (RoundLevels((1.2, 0.8), 0.5), False),
    ):
        found = resolve(JobRequest(replace(NETWORK, round_levels=levels)), [2]).doubts
        assert bool(found) == told
    (doubt,) = resolve(JobRequest(FRESH, link="10gbit"), [2]).doubts
    assert "times of round 1 are 1.38 times those of round 2" in doubt
