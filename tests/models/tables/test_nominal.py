"""Nominal links over any base: a larger rate is never slower, and software is never beaten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.cli.shown.row_json import row as json_row
from nworkers.models.costs.extrapolation import extrapolations
from nworkers.models.costs.laws import latency_s, sustained
from nworkers.models.files.shipped import shipped_profile
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.nominal_link import WIRE_LATENCY_S, nominal_link
from nworkers.models.records.on_device import on_gpu
from nworkers.models.records.profile import Profile, value_at, with_link
from nworkers.models.records.runtimes import STRATEGIES, Strategy
from nworkers.models.tables.components.nominal import over
from nworkers.simulator.study.predict import predict
from nworkers.simulator.study.resolve import ResolvedJob, resolve
from tests.support.known_profiles import UNMEASURED, known_profiles, networks
from tests.support.wires import SIZES, moved_s, step_s

SOFTWARE = shipped_profile("loopback-2core")
RATES = ("10mbit", "300mbit", "1gbit", "2.5gbit", "10gbit", "25gbit", "100gbit", "1000gbit")

bases = pytest.mark.parametrize("name", known_profiles())


def nominal(base: Profile, said: str) -> Profile:
    wire = nominal_link(said)
    assert wire is not None
    return over(base, wire, said, SOFTWARE)[0]


@bases
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_larger_rate_is_never_slower_and_a_longer_way_never_faster(
    name: str, strategy: Strategy
) -> None:
    base = known_profiles()[name]
    for latency in ("0us", "25us", "2ms"):
        wires = [nominal(base, f"{rate},{latency}") for rate in RATES]
        for size in SIZES:
            taken = [step_s(made, strategy, size) for made in wires]
            assert taken == sorted(taken, reverse=True), (size, latency)
    for rate in RATES:
        near, usual, far = (nominal(base, f"{rate}{way}") for way in (",0us", "", ",2ms"))
        for size in SIZES:
            taken = [step_s(made, strategy, size) for made in (near, usual, far)]
            assert taken == sorted(taken), (size, rate)


@bases
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_wire_is_faster_than_software(name: str, strategy: Strategy) -> None:
    """The base's, as far as it is known, else that of the profile that stands in."""
    base = known_profiles()[name]
    made = nominal(base, "1000gbit,0us")
    software = SOFTWARE
    if not base.collective.measured:
        # A hop is taken for a fetch, and one between hosts shares no host's processors.
        link = replace(SOFTWARE.link, shared_bandwidth_bytes_per_s=None)
        software = replace(SOFTWARE, link=link, collective=UNMEASURED)
    for size in SIZES:
        least_s = min(moved_s(of, strategy, size) for of in (base, software))
        if base.link.kind == "loopback":
            least_s = moved_s(base, strategy, size)
            if base.link.wire_latency_s is None:
                assert step_s(made, strategy, size) >= 0.999 * step_s(base, strategy, size)
        assert moved_s(made, strategy, size) >= 0.999 * least_s, size


@pytest.mark.parametrize("size", [SIZES[0], SIZES[-1]])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_nominal_gigabit_is_near_the_one_that_was_measured(strategy: Strategy, size: int) -> None:
    """Both of one machine: its loopback over the name of the link, and over the link itself."""
    named = nominal(SOFTWARE, "1gbit,0us")
    measured = with_link(SOFTWARE, shipped_profile("emulated-1gbit"))
    ratio = step_s(named, strategy, size) / step_s(measured, strategy, size)
    assert 0.85 < ratio < 1.2


@bases
def test_latency_is_that_of_software_and_of_the_wire(name: str) -> None:
    base = known_profiles()[name]
    own = base.link.wire_latency_s
    own_s = value_at(own, None) if own else 0.0 if base.link.kind == "loopback" else WIRE_LATENCY_S

    def small_s(of: Profile) -> float:
        return latency_s(of.drawn(None).link.fetch, [4.0])

    for way, added_s in (("", WIRE_LATENCY_S), (",1ms", 1e-3)):
        assert small_s(nominal(base, f"10gbit{way}")) == pytest.approx(
            small_s(base) + 2.0 * (added_s - own_s), rel=1e-4
        )


def asked(base: Profile | str, link: str) -> ResolvedJob:
    return resolve(JobRequest(base, link=link, workload="mlp:784,512,10", batch=256), [2])


@bases
def test_an_answer_says_that_the_link_is_nominal(name: str) -> None:
    base = known_profiles()[name]
    found = asked(base, "10gbit")
    assert found.profile.link.evidence == "nominal link"
    lines = extrapolations(found.profile, found.scenarios[0])
    assert any(line.startswith("link: a nominal link of 10gbit") for line in lines)
    assert found.scenarios[0].hosts == 3
    seen = base if base.gpu is None else on_gpu(base)
    assert found.profile.device == seen.device
    assert found.profile.host == base.host


@pytest.mark.parametrize("name", networks())
def test_software_that_a_wire_hid_is_that_of_the_profile_that_stands_in(name: str) -> None:
    """Also where the base is the user's own; and not for a link that is slower than the base's."""
    base = replace(networks()[name], stand_ins={})
    rate = value_at(sustained(base.link.fetch), None)
    shared = base.link.shared_bandwidth_bytes_per_s
    assert shared is not None
    hidden = 0.8 < rate / value_at(shared, None) < 1.25
    for said, told in (("100gbit", hidden), ("10mbit", False)):
        found = asked(base, said)
        row = predict(found.profile, found.scenarios[0], replications=2)
        lines = [line for line in row.extrapolated if line.startswith("base ")]
        assert [line.partition(":")[0] for line in lines] == ["base loopback-2core"] * told, said
        assert any("loopback-2core's stands in" in doubt for doubt in found.doubts) == told
        assert json_row(row)["extrapolated"] == list(row.extrapolated)


def test_a_rate_that_rules_is_the_users_and_software_that_rules_is_the_bases() -> None:
    for said, own in (("1gbit", True), ("100gbit", False)):
        found = asked("loopback-2core", said)
        row = predict(found.profile, found.scenarios[0], replications=2)
        (line,) = (line for line in row.extrapolated if line.startswith("base "))
        assert ("transfer" in line) != own, said
