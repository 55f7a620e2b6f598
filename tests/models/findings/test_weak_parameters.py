"""What is weak is named once, with a command that helps."""

from __future__ import annotations

from dataclasses import replace

from nworkers.models.findings.sanity import doubts, implausible
from nworkers.models.findings.weak_parameters import Remedy, weaknesses
from nworkers.models.records.profile import FitRow, FlowWeights
from tests.support.factories import parameter, profile, with_first


def test_a_firm_profile_is_weak_where_nothing_was_measured_alone() -> None:
    even = profile(link__flow_weights=(FlowWeights(2, 1e6, 0.0),))
    assert [weak.what for weak in weaknesses(even)] == ["all-reduce"]


def test_shares_that_were_not_measured_are_held_to_be_equal() -> None:
    told = "how unequally transfers share the link that begin at once"
    assert told in [weak.what for weak in weaknesses(profile())]
    assert told not in [weak.what for weak in weaknesses(profile(link__kind="loopback"))]


def test_few_rounds_make_every_interval_weak() -> None:
    first = weaknesses(profile(rounds=2, provisional=True))[0]
    assert (first.what, first.remedy) == ("every interval", Remedy("resume", rounds=5))


def test_the_widest_of_the_parameters_that_the_same_cells_tell_of() -> None:
    made = profile()
    path = replace(
        with_first(made.link.fetch, latency_s=parameter(1e-3, spread=0.3)),
        per_tensor_s=parameter(1e-4, spread=0.5),
    )
    weak = weaknesses(replace(made, link=replace(made.link, fetch=path)))
    (found,) = (w for w in weak if w.remedy.only == ("fetch",))
    assert found.what == "link.fetch.per_tensor_s"
    assert found.remedy == Remedy("refine", only=("fetch",))


def test_an_operation_that_is_missed_is_measured_again() -> None:
    weak = weaknesses(profile(fit=(FitRow("push", 9, 3, 0.2, 0.4),)))
    assert ("push", Remedy("refine", only=("push",))) in [(w.what, w.remedy) for w in weak]


def test_a_link_without_a_limit_needs_more_workers() -> None:
    weak = weaknesses(profile(link__shared_bandwidth_bytes_per_s=None))
    assert "the rate that workers share" in [w.what for w in weak]
    assumed = weaknesses(profile(link__discipline_evidence="assumed"))
    assert "how transfers share the link" in [w.what for w in assumed]


def test_many_workers_that_leave_cores_idle_are_told() -> None:
    told = "what many workers make of the cores' time"
    for host, weak in (((4, None), True), ((4, 0.9), False), ((2, None), False)):
        concurrency, share = host
        made = profile(
            link__evidence="one host", host__concurrency=concurrency, host__usable_share=share
        )
        assert (told in [w.what for w in weaknesses(made)]) == weak


def test_several_ps_that_told_nothing_are_named() -> None:
    told = "what tensors cost more on several ps"
    for seconds, weak in ((None, False), (0.0, True), (1e-4, False)):
        made = profile(host__apart_ps_s=seconds)
        assert (told in [w.what for w in weaknesses(made)]) == weak


def test_units_off_by_a_thousand_are_told() -> None:
    made = profile()
    assert not list(implausible(made))
    fast = with_first(made.link.fetch, bandwidth_bytes_per_s=parameter(2e14, "bytes/s"))
    slow = with_first(made.link.push, latency_s=parameter(600.0))
    words = list(implausible(replace(made, link=replace(made.link, fetch=fast, push=slow))))
    assert len(words) == 2
    assert "faster than memory" in words[0]
    assert "a push has a latency of 600 s" in words[1]


def test_a_link_that_is_faster_than_ones_own_software_is_doubted() -> None:
    mine = profile(link__kind="loopback")
    fast = with_first(mine.link.fetch, latency_s=parameter(1e-5))
    (doubt,) = doubts(mine, profile(link__fetch=fast))
    assert "its hosts are faster" in doubt
    assert not list(doubts(mine, profile()))


def test_a_link_that_ones_processors_cannot_fill_is_doubted() -> None:
    fast = with_first(profile().link.fetch, bandwidth_bytes_per_s=parameter(1e11, "bytes/s"))
    words = list(doubts(profile(), profile(link__fetch=fast)))
    assert [w.split(" would")[0].rsplit(" ", 1)[-1] for w in words] == ["worker", "ps"]
    assert "11.0 cores" in words[0]
