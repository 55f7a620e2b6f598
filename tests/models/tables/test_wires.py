"""Wires: what an imported or exchanged one must do, whatever the base: more is never slower."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from nworkers.models.base.all_reduce_terms import ring_terms
from nworkers.models.costs.all_reduce import all_reduce
from nworkers.models.costs.laws import sustained
from nworkers.models.files.store import read_profile, write_record
from nworkers.models.findings.sanity import doubts
from nworkers.models.records.profile import Profile, value_at, with_link
from nworkers.models.records.runtimes import STRATEGIES, Strategy
from nworkers.models.tables.components.merge import Import, graft
from nworkers.models.tables.detect import read_table
from nworkers.simulator.study.predict import predict
from tests.support.factories import profile
from tests.support.known_profiles import UNMEASURED, known_profiles, networks
from tests.support.tables import SAMPLES
from tests.support.wires import MIB, SIZES, job, moved_s, step_s

RATES = (1e6, 1e7, 1.2e8, 1.25e9, 1.25e10)

bases = pytest.mark.parametrize("name", known_profiles())


def iperf(rate: float) -> str:
    """What iperf3 prints of one flow of so many bytes per second."""
    told = {"bits_per_second": 8.0 * rate, "bytes": int(3 * rate)}
    streams = [{"sender": told, "receiver": told}]
    return json.dumps({"start": {}, "end": {"streams": streams, "sum_received": told}})


def osu(latency_s: float, rate: float) -> str:
    latency = [f"{n} {1e6 * (latency_s + n / rate):.9f}" for n in (1, 64, 4096, 65536, MIB)]
    bandwidth = [f"{n} {1e-6 * rate:.9f}" for n in (65536, MIB)]
    return "\n".join(
        ["# OSU MPI Latency Test v7.4", "# Size Latency (us)", *latency,
         "# OSU MPI Bandwidth Test v7.4", "# Size Bandwidth (MB/s)", *bandwidth]
    )  # fmt: skip


def imported(text: str, base: Profile) -> Import:
    return graft(read_table(text, "it"), text, base, "it")


def crossed_bytes(strategy: Strategy, size_bytes: int, workers: int = 4) -> float:
    """What crosses a worker's link at least, in all directions that follow each other."""
    return ring_terms(size_bytes, workers)[1] if strategy == "allreduce" else 2.0 * size_bytes


@bases
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_faster_wire_is_never_slower_and_never_beaten(name: str, strategy: Strategy) -> None:
    base = known_profiles()[name]
    wires = [imported(iperf(rate), base).profile for rate in RATES]
    wires += [imported(osu(2e-6, rate), base).profile for rate in RATES]
    for size in SIZES:
        taken = [step_s(made, strategy, size) for made in wires]
        for series in (taken[: len(RATES)], taken[len(RATES) :]):
            assert series == sorted(series, reverse=True), (size, series)
        if strategy != "allreduce" or not base.collective.imported:
            for rate, made in zip((*RATES, *RATES), wires, strict=True):
                least_s = crossed_bytes(strategy, size) / rate
                assert moved_s(made, strategy, size) >= 0.999 * least_s, (size, rate)


@bases
def test_an_imported_wire_changes_large_transfers(name: str) -> None:
    """As much as it is slower; up to what the base's software passes where it is faster."""
    base = known_profiles()[name]
    for path in ("fetch", "push"):
        for rate in (1e6, 1e10):
            made = imported(iperf(rate), base).profile
            known = value_at(sustained(getattr(base.link, path)), None)
            new = value_at(sustained(getattr(made.link, path)), None)
            unknown_software = base.link.kind == "network"
            expected = rate if unknown_software else min(rate, known)
            assert new == pytest.approx(expected, rel=1e-6), (path, rate)
    slow = imported(iperf(1e6), base).profile
    for strategy in STRATEGIES:
        assert step_s(slow, strategy, 16 * MIB) > 16.0


@bases
def test_a_second_wire_replaces_the_first(name: str) -> None:
    base = known_profiles()[name]
    slow = imported(iperf(1e6), base).profile
    fast, direct = imported(iperf(1e8), slow).profile, imported(iperf(1e8), base).profile
    for strategy in STRATEGIES:
        again, once = (moved_s(of, strategy, 16 * MIB) for of in (fast, direct))
        assert again == pytest.approx(once, rel=0.02)


@bases
def test_a_slower_wires_latency_is_in_every_request(name: str) -> None:
    """Where it can be told apart; of a push after a fetch the answer alone."""
    base = known_profiles()[name]
    near, far = (imported(osu(s, 1e9), base).profile for s in (1e-6, 1e-2))
    apart = base.link.kind == "loopback" or base.link.wire_latency_s is not None
    for size in SIZES:
        for strategy in STRATEGIES:
            # Dispatch and fetch twice each, a push once or twice; six hops, twice each.
            answers = 5 if base.link.push.after_fetch_s else 6
            least_s = 1e-2 * (12 if strategy == "allreduce" else answers)
            more_s = step_s(far, strategy, size) - step_s(near, strategy, size)
            assert more_s == pytest.approx(least_s if apart else 0.0, rel=0.01, abs=1e-4), size


@bases
def test_an_imported_profile_is_written_and_read(name: str, tmp_path: Path) -> None:
    made = imported(iperf(1e9), known_profiles()[name]).profile
    write_record(tmp_path / "it.json", made, force=True)
    assert read_profile(tmp_path / "it.json") == made


@bases
@pytest.mark.parametrize(
    "sample",
    ["nccl.txt", "osu_latency.txt", "osu_bw.txt", "iperf3.json", "iperf3-four.json", "torch.csv",
     "transfers.csv"],
)  # fmt: skip
def test_every_import_trains_in_every_way(name: str, sample: str) -> None:
    merged = imported((SAMPLES / sample).read_text(), known_profiles()[name])
    sane(merged.notes)
    for strategy in STRATEGIES:
        for size in SIZES:
            assert 0.0 < step_s(merged.profile, strategy, size) < 60.0
        if merged.profile.link.kind == "network":
            row = predict(merged.profile, job(strategy, MIB, 2), replications=2)
            assert row.step_time_s > 0.0
            sane(row.extrapolated)


@bases
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("wire", networks())
def test_another_link_carries_every_strategy(name: str, wire: str, strategy: Strategy) -> None:
    base, other = known_profiles()[name], networks()[wire]
    sane(tuple(doubts(base, other)))
    made = with_link(base, other)
    rate = value_at(sustained(other.link.fetch), None)
    if other.link.shared_bandwidth_bytes_per_s is not None:
        rate = max(rate, value_at(other.link.shared_bandwidth_bytes_per_s, None))
    credit = other.link.fetch.credit_bytes + other.link.push.credit_bytes
    crossed = crossed_bytes(strategy, 16 * MIB) - credit
    assert moved_s(made, strategy, 16 * MIB) >= 0.8 * crossed / rate
    row = predict(made, job(strategy, MIB, 2), replications=2)
    sane(row.extrapolated)


@bases
def test_an_all_reduce_that_was_not_measured_takes_its_bytes(name: str) -> None:
    """At any size, by any draw: never faster than the largest tensors, never less for more."""
    base = known_profiles()[name]
    unmeasured = replace(base, collective=UNMEASURED)
    for draw in (None, 0, 1, 2):
        known = unmeasured.drawn(draw)
        rate = sustained(known.link.fetch)
        for workers in (2, 4, 16):
            before = 0.0
            for size in SIZES:
                latency, transfer = all_reduce(known, workers, size)
                assert latency.wall_s > 0.0
                least_s = ring_terms(size, workers)[1] / rate
                assert transfer.wall_s >= 0.999 * least_s
                if len(known.link.fetch.segments) == 1:
                    assert latency.wall_s + transfer.wall_s >= before
                before = latency.wall_s + transfer.wall_s


def test_an_all_reduce_that_was_not_measured_is_near_one_that_was() -> None:
    """16 MiB by four workers over 1 Gbit/s: 286 ms of transfer were measured."""
    base = known_profiles()["emulated-1gbit"]
    known = replace(base, collective=UNMEASURED).drawn(None)
    (_, derived), (_, measured) = (all_reduce(k, 4, 16 * MIB) for k in (known, base.drawn(None)))
    assert derived.wall_s == pytest.approx(measured.wall_s, rel=0.2)


def test_files_with_a_small_fetch_for_an_all_reduce_are_mended_on_reading(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    write_record(path, profile(), force=True)
    document = json.loads(path.read_text())
    small = document["link"]["fetch"]["segments"][0]
    for field in ("latency_s", "bandwidth_bytes_per_s"):
        document["collective"][field] = small[field]
    path.write_text(json.dumps(document))
    assert read_profile(path) == profile()


def sane(notes: tuple[str, ...]) -> None:
    """Each is said once, and no figure in it is of another world."""
    assert len(notes) == len(set(notes))
    for note in notes:
        for cores in re.findall(r"keep ([\d.]+) cores", note):
            assert float(cores) < 1000.0, note
