from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.base.errors import InputError
from nworkers.models.records.aim import Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.what_if import PLAIN
from nworkers.models.records.workload import named_workload
from nworkers.simulator.answers import answer_predict
from nworkers.simulator.study import worker_grid
from nworkers.simulator.study.breakeven import breakeven
from nworkers.simulator.study.predict import predict
from nworkers.simulator.study.resolve import resolve
from tests.support.factories import parameter, profile, with_first

FEW = 6


def job(**changes: Any) -> Scenario:
    return Scenario(named_workload("gemm:128,256"), 1, **({"batch": 64} | changes))


def slow_link(bandwidth_bytes_per_s: float) -> Profile:
    made = profile()
    rate = parameter(bandwidth_bytes_per_s, "B/s", 0.05)
    path = with_first(made.link.fetch, bandwidth_bytes_per_s=rate)
    return profile(
        link=replace(made.link, fetch=path, push=path, shared_bandwidth_bytes_per_s=rate)
    )


def slow_to_answer(latency_s: float) -> Profile:
    """No limit to share, only waiting: every worker adds as much."""
    made = profile(host__cores=64.0, link__shared_bandwidth_bytes_per_s=None)
    late = parameter(latency_s, spread=0.2, seed=5)
    link = made.link
    return replace(
        made,
        link=replace(
            link,
            fetch=with_first(link.fetch, latency_s=late),
            push=with_first(link.push, latency_s=late),
        ),
    )


def first_wins(profile: Profile, scenario: Scenario, numbers: range) -> list[float]:
    curves = [
        predict(profile, replace(scenario, workers=n), replications=FEW).draws for n in numbers
    ]
    return [
        next((n for n, s in zip(numbers, draws, strict=True) if s > 1), float("inf"))
        for draws in zip(*curves, strict=True)
    ]


@pytest.mark.parametrize(
    ("made", "asked", "limit"),
    [
        (profile(), job(), 12),
        (slow_link(2.2e8), job(batch=40, discipline="fifo"), 24),
        (slow_to_answer(1.5e-3), job(scaling="weak", batch=2), 24),
        (slow_to_answer(4e-3), job(scaling="weak", batch=2), 24),
    ],
    ids=["dense", "lost again", "late", "too late for some"],
)
def test_the_answer_is_that_of_every_number(
    monkeypatch: pytest.MonkeyPatch, made: Profile, asked: Scenario, limit: int
) -> None:
    """A coarse grid with refinement finds what simulating every number of workers finds."""
    monkeypatch.setattr(worker_grid, "_DENSE", 2)
    answer = breakeven(made, asked, max_workers=limit, replications=FEW)
    every = {
        n: predict(made, replace(asked, workers=n), replications=FEW).speedup
        for n in range(1, limit + 1)
    }
    winning = [n for n, speedup in every.items() if speedup > 1]
    assert answer.breakeven_workers == (winning[0] if winning else None)
    for first, last in answer.beats_single:
        assert set(range(first, last + 1)) <= set(winning)
    firsts = sorted(first_wins(made, asked, range(1, limit + 1)))
    assert answer.breakeven_workers_interval == (
        None if firsts[0] == float("inf") else firsts[0],
        None if firsts[-1] == float("inf") else firsts[-1],
    )
    assert {row.scenario.workers: row.speedup for row in answer.rows}.items() <= every.items()


def test_never_is_an_answer() -> None:
    answer = breakeven(slow_link(3e6), job(batch=8), replications=FEW)
    assert answer.breakeven_workers is None
    assert answer.breakeven_hosts is None
    assert answer.breakeven_workers_interval == (None, None)
    assert answer.beats_single == ()
    assert answer.max_workers == 8
    assert [row.scenario.workers for row in answer.rows] == list(range(1, 9))


def test_a_win_that_is_lost_again_is_listed() -> None:
    answer = breakeven(
        profile(),
        job(workers_per_host=1000, ps_placement="shared"),
        max_workers=16,
        replications=FEW,
    )
    assert answer.breakeven_workers == 2
    assert answer.breakeven_hosts == 1
    ((first, last),) = answer.beats_single
    assert first == 2
    assert 4 <= last < 12


def test_hosts_count_the_ps() -> None:
    answer = breakeven(profile(), job(ps=2), max_workers=4, replications=FEW)
    assert answer.breakeven_workers == 2
    assert answer.breakeven_hosts == 4


def test_all_reduce_begins_with_two() -> None:
    asked = job(strategy="allreduce", runtime="mirrored")
    answer = breakeven(profile(), asked, max_workers=4, replications=FEW)
    assert [row.scenario.workers for row in answer.rows] == [2, 3, 4]
    with pytest.raises(InputError, match=r"^max_workers: "):
        breakeven(profile(), asked, max_workers=1)


@pytest.mark.parametrize("limit", [0, -3, 10**9])
def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(InputError, match=r"^max_workers: "):
        breakeven(profile(), job(), max_workers=limit)


def test_progress_counts_up_to_the_end() -> None:
    seen: list[tuple[int, int]] = []
    answer = breakeven(
        profile(),
        job(),
        max_workers=5,
        replications=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert len(answer.rows) == 5


def test_rows_are_what_predict_says() -> None:
    answer = breakeven(profile(), job(), max_workers=3, replications=FEW, baseline="2")
    alone = predict(profile(), replace(job(), workers=3), replications=FEW, baseline="2")
    assert answer.rows[-1] == alone
    assert answer.rows[1].speedup == 1.0


def test_a_curve_begins_where_what_is_asked_about_can_be() -> None:
    scenario = job(what_if=what_if(["slow-workers=3,2"]))
    found = breakeven(profile(), scenario, max_workers=4, replications=FEW)
    assert [row.scenario.workers for row in found.rows] == [3, 4]
    with pytest.raises(InputError, match="at least 3"):
        breakeven(profile(), scenario, max_workers=2, replications=FEW)


def test_what_is_owned_already_stays_as_it_is() -> None:
    """Beside two workers, four with half the bytes gain by both."""
    changed = replace(job(what_if=what_if(["half-precision"])), workers=4)
    both = predict(profile(), changed, baseline="4", replications=FEW)
    same = predict(profile(), replace(job(), workers=4), baseline="4", replications=FEW)
    assert same.speedup == pytest.approx(1.0)
    assert both.speedup > 1.05


def notes_of(baseline: str, *said: str) -> tuple[str, ...]:
    request = JobRequest(profile=profile(), what_if=what_if(said), baseline=baseline)
    return answer_predict(resolve(request, [2])).notes


def test_a_baseline_has_the_devices_that_are_asked_about_unless_it_is_owned() -> None:
    stays = "the baseline, 2 workers, trains plainly: no what-if holds for it"
    assert notes_of("device", "compute=10x") == (
        "compute=10x holds for the baseline, one process, too: it has the same devices",
    )
    assert stays in notes_of("2", "compute=10x")
    host = notes_of("host", "compute=10x", "half-precision")
    assert "compute=10x holds for the baseline, one host, too: it has the same devices" in host
    assert "the baseline, one host, trains plainly: no other what-if holds for it" in host
    quick = replace(job(what_if=what_if(["compute=10x"]), workers_per_host=2), workers=2)
    plain = replace(quick, what_if=PLAIN)
    for baseline, gains in (("device", 1.0), ("host", 1.0), ("2", 0.0)):
        before, after = (
            predict(profile(), of, baseline=baseline, replications=FEW).baseline_samples_per_s
            for of in (plain, quick)
        )
        assert (after > 1.1 * before) == bool(gains), baseline


@pytest.mark.parametrize("target", [0.9, 1.3, 2.0, 30.0])
def test_a_target_is_found_as_by_looking_at_every_number(target: float) -> None:
    made, asked = slow_link(2.2e8), job(batch=40, discipline="fifo")
    found = breakeven(made, asked, max_workers=24, replications=FEW, aim=Aim(target))
    every = [
        predict(made, replace(asked, workers=n), replications=FEW).speedup for n in range(1, 25)
    ]
    winners = [n for n, speedup in enumerate(every, 1) if speedup > target]
    assert found.breakeven_workers == (winners[0] if winners else None)
    told = [n for first, last in found.beats_single for n in range(first, last + 1)]
    assert told == winners
    assert found.target_speedup == target
    for row in found.rows:
        wins = sum(draw > target for draw in row.draws) / FEW
        assert row.probability_exceeds(target) == wins


def test_progress_is_what_samples_bring() -> None:
    made, asked = profile(), job(scaling="weak", strategy="ps-sync")
    plain, half, noisy = (
        breakeven(made, asked, max_workers=4, replications=FEW, aim=aim).rows[-1]
        for aim in (Aim(), Aim(samples_factor=2.0), Aim(noise_scale=64.0))
    )
    assert half.speedup == pytest.approx(plain.speedup / 2)
    assert half.draws == pytest.approx([draw / 2 for draw in plain.draws])
    assert half.throughput_samples_per_s == plain.throughput_samples_per_s
    # Four workers of 64 samples each, beside a process of 64.
    assert noisy.progress_per_sample == pytest.approx(128 / 320)
    assert noisy.speedup == pytest.approx(plain.speedup * 128 / 320)


def test_a_baseline_of_several_workers_has_their_batch() -> None:
    made, asked = profile(), job(scaling="weak", strategy="ps-sync")
    aim = Aim(noise_scale=64.0)
    found = breakeven(made, asked, max_workers=2, replications=FEW, aim=aim, baseline="2")
    assert found.rows[-1].progress_per_sample == 1.0
    assert found.rows[-1].speedup == pytest.approx(1.0)
