"""Mixed alternatives: one change in every job of a mix, and what the mix then does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nworkers.models.base.errors import InputError
from nworkers.models.records.solved import Goal, WayKind, WayOut
from nworkers.simulator.decide.alternatives import (
    Alternative,
    alternatives,
    unchanged,
    wires,
    with_batch,
)
from nworkers.simulator.decide.job_mix import WeightedJob, harmonic, shares_of, together
from nworkers.simulator.decide.quantities import MOST_BATCH, Job, job_of
from nworkers.simulator.decide.reaching import rough_rates
from nworkers.simulator.decide.way_out import Changes
from nworkers.simulator.study.ask import predictions


@dataclass(frozen=True)
class MixedAlternative:
    """A mix whose jobs differ by one change: its kind, its words, and the fields that ask for it.

    Without ``fields`` nothing asks for it in all jobs at once, but for more workers.
    """

    what: WayKind
    change: str
    fields: tuple[tuple[str, str], ...]
    shares: Mapping[str, float]
    of: Mapping[str, Alternative]

    def ends(self, workers: int, most: int) -> tuple[int, int]:
        """The fewest and the most workers that all jobs have."""
        each = [alternative.ends(workers, most) for alternative in self.of.values()]
        return max(first for first, _ in each), min(last for _, last in each)

    def rough(self, goal: Goal, workers: int) -> float:
        """How near it comes, roughly; 0 where one job cannot train so, or memory not hold it."""
        try:
            jobs = [each.resolved(workers) for each in self.of.values()]
            if any(job.overfull for job in jobs):
                return 0.0
            rates = [rough_rates(goal, job) for job in jobs]
        except InputError:
            return 0.0
        progress, base = (harmonic(self.shares, column) for column in zip(*rates, strict=True))
        return progress / base / goal.target

    def way(self, goal: Goal, workers: int) -> WayOut:
        """What so many workers then do, in full."""
        rows = {
            name: predictions(each.resolved(workers), aim=goal.aim)[0]
            for name, each in self.of.items()
        }
        row = together(workers, self.shares, rows)
        return WayOut(
            self.what,
            self.change,
            workers,
            row.speedup,
            row.speedup_interval,
            row.speedup,
            self.fields,
        )


def mixed_changes(jobs: Sequence[WeightedJob]) -> Changes:
    """All that may be changed of a mix; a job that has a change already stays as it is.

    Raises:
        InputError
    """
    known = {job.name: job_of(job.request) for job in jobs}
    shares = shares_of(jobs)
    now = {name: unchanged(job) for name, job in known.items()}
    single = [*_in_every_job(known, shares, alternatives, now)]
    strategies = [of for of in single if of.what == "strategy"]

    def larger(times: int, otherwise: MixedAlternative | None = None) -> MixedAlternative:
        of = now if otherwise is None else otherwise.of
        grown = {
            name: with_batch(each, times * each.job.request.batch) for name, each in of.items()
        }
        words = f"{times} times the batch of every job"
        change = words if otherwise is None else f"{words} with {otherwise.change}"
        return MixedAlternative("batch", change, (), shares, grown)

    return Changes(
        larger=lambda times: [larger(times)],
        strategies=strategies,
        both=lambda times: [larger(times, of) for of in strategies],
        others=[of for of in single if of.what != "strategy"],
        more=MixedAlternative("workers", "", (), shares, now),
        wires=lambda: [*_in_every_job(known, shares, wires, {})],
        most_times=MOST_BATCH / max(job.request.batch for job in known.values()),
    )


def _in_every_job(
    known: Mapping[str, Job],
    shares: Mapping[str, float],
    changes: Callable[[Job], Iterator[Alternative]],
    otherwise: Mapping[str, Alternative],
) -> Iterator[MixedAlternative]:
    """Each change that a job may have, in all of them; ``otherwise`` where one may not."""
    of_job = {name: {each.fields: each for each in changes(job)} for name, job in known.items()}
    for fields, first in {f: each for of in of_job.values() for f, each in of.items()}.items():
        mixed = {name: of.get(fields) or otherwise.get(name) for name, of in of_job.items()}
        whole = {name: each for name, each in mixed.items() if each is not None}
        if len(whole) == len(known):
            yield MixedAlternative(first.what, first.change, fields, shares, whole)
