"""What a base stands in for is said by name and share of the step, until the user states it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from nworkers.models.files.shipped import shipped_profile, shipped_profiles
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.prediction import Prediction
from nworkers.models.records.profile import Profile
from nworkers.models.records.workload import Cost, StepSeconds, Variable, Workload
from nworkers.models.tables.components.merge import graft
from nworkers.models.tables.detect import read_table
from nworkers.simulator.step.noise import factors_of, of_compute, with_spread
from nworkers.simulator.study.predict import predict
from nworkers.simulator.study.resolve import resolve
from tests.support.known_profiles import known_profiles
from tests.support.tables import POSTED, SAMPLES

#: A model of 120 ms a step on a GPU, 100 MB of variables.
STATED = Workload(
    "stated",
    tuple(Variable(f"w{k}", (2_500_000,)) for k in range(10)),
    step=(StepSeconds(32, 0.12),),
)
#: Small ones, whose transfer takes little beside their latency.
SMALL = Workload("small", tuple(Variable(f"w{k}", (1000,)) for k in range(3)), cost=Cost(1e-3, 0.0))
JOB = JobRequest(workload=STATED, strategy="allreduce", scaling="weak")
WAITING = "waiting for the slowest worker (its noise)"


def imported(base: Profile, sample: str = "nccl.txt") -> Profile:
    text = (SAMPLES / sample).read_text()
    return graft(read_table(text, sample), text, base, sample).profile


def predicted(request: JobRequest, workers: int) -> Prediction:
    job = resolve(request, [workers])
    return predict(job.profile, job.scenarios[0], replications=8)


def shares(row: Prediction) -> dict[str, int]:
    """What the line about the base says, by part."""
    lines = [reason for reason in row.extrapolated if reason.startswith("base ")]
    return {
        part: int(percent)
        for line in lines
        for part, percent in re.findall(r"[:,] ([^:,]+?) (\d+) %", line)
    }


@pytest.mark.parametrize("name", shipped_profiles())
def test_nccl_and_a_stated_model_wait_by_the_noise_of_the_base(name: str) -> None:
    request = replace(JOB, profile=imported(shipped_profile(name)), device="cpu")
    row = predicted(request, 32)
    found = shares(row)
    assert next(r for r in row.extrapolated if r.startswith("base ")).startswith(f"base {name}: ")
    (line,) = (reason for reason in row.extrapolated if WAITING in reason)
    cores = shipped_profile(name).host.cores
    assert f" of the step, on hosts of {cores:g} cores; what states it: " in line
    assert "spread" in line.partition("what states it: ")[2].split(", ")
    assert found[WAITING] == round(100 * row.breakdown["barrier_wait"] / row.step_time_s) > 20
    # The table's and the workload's own.
    assert "all-reduce" not in found
    assert "computing" not in found
    stated = predicted(replace(request, spread=0.03), 32)
    assert WAITING not in shares(stated)
    assert stated.breakdown["barrier_wait"] < 0.1 * stated.step_time_s
    # The slowest of 32 lognormal steps takes 1.064 of their mean. On the host of h100 dispatches
    # vary by more, and the slowest of those is waited for too.
    collective_s = sum(s for cause, s in stated.breakdown.items() if "collective" in cause)
    rest_s = stated.breakdown["dispatch"] + collective_s + stated.breakdown["host_contention"]
    assert stated.step_time_s - rest_s == pytest.approx(
        0.12 * 1.064, rel=0.03 if name != "h100" else 0.08
    )


@pytest.mark.parametrize("name", shipped_profiles())
def test_all_of_a_shipped_profile_stands_in(name: str) -> None:
    request = JobRequest(name, workload="gemm:128,256", strategy="ps-sync")
    row = predicted(request, 4)
    found = shares(row)
    assert sum(found.values()) == pytest.approx(100, abs=len(found))
    waits = "waiting for a processor core (its cores)"
    assert (waits in found) == (row.breakdown["host_contention"] >= 0.01 * row.step_time_s)
    known = shares(predicted(replace(request, cores=64, spread=0.05), 4))
    assert not {waits, WAITING} & known.keys()
    assert {"transfer", "latency", "dispatch"} <= found.keys()


def test_more_cores_are_less_waiting() -> None:
    request = JobRequest("loopback-2core", workload="gemm:128,256", strategy="ps-sync")
    few, many = (predicted(replace(request, cores=cores), 4) for cores in (2, 64))
    assert few.step_time_s == predicted(request, 4).step_time_s
    assert many.step_time_s < few.step_time_s
    assert many.breakdown["host_contention"] == 0.0


@pytest.mark.parametrize(
    "name", [name for name in known_profiles() if name not in shipped_profiles()]
)
def test_a_profile_of_one_s_own_has_no_base(name: str) -> None:
    own = known_profiles()[name]
    assert shares(predicted(JobRequest(own, workload=STATED), 2)) == {}
    with_table = imported(own)
    bases = {
        r.partition(":")[0] for r in predicted(replace(JOB, profile=with_table), 4).extrapolated
    }
    assert f"base {own.name}" in bases


def test_a_wire_that_was_asked_for_stands_in_for_nothing() -> None:
    own = known_profiles()["plain"]
    row = predicted(JobRequest(own, link="emulated-1gbit", workload=STATED), 2)
    assert shares(row) == {}
    other = predicted(JobRequest(link=own, workload=SMALL), 2)
    assert "transfer" not in shares(other)
    assert "dispatch" in shares(other)


def test_the_software_of_a_fetch_is_not_in_an_mpi_table() -> None:
    base = shipped_profile("emulated-1gbit")
    text = (POSTED / "imb_quoted.txt").read_text()
    of_intel = graft(read_table(text, "imb"), text, base, "imb").profile
    for profile in (imported(base, "osu_latency.txt"), of_intel):
        by_mpi = predicted(JobRequest(profile, workload=SMALL), 2)
        assert "latency" in shares(by_mpi)
    by_tcp = predicted(JobRequest(imported(base, "iperf3.json"), workload=STATED), 2)
    assert "transfer" not in shares(by_tcp)


@pytest.mark.parametrize("chance", ["about median", "about mean", "none"])
def test_a_stated_spread_keeps_the_mean(chance: str) -> None:
    noise = shipped_profile("emulated-1gbit").noise
    plain = of_compute(noise, chance)  # type: ignore[arg-type]
    stated = of_compute(with_spread(noise, 0.03), chance, stated=True)  # type: ignore[arg-type]
    before, after = factors_of(plain, "compute"), factors_of(stated, "compute")
    mean = sum(after) / len(after)
    assert mean == pytest.approx(sum(before) / len(before))
    deviation = (sum((f / mean - 1.0) ** 2 for f in after) / len(after)) ** 0.5
    assert deviation == pytest.approx(0.03, rel=0.02)
    (constant,) = factors_of(
        of_compute(with_spread(noise, 0.0), chance, stated=True),  # type: ignore[arg-type]
        "compute",
    )
    assert constant == pytest.approx(mean)
