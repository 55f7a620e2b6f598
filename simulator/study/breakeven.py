"""Break-even: the curve over workers, and the fewest of them that beat the baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from nworkers.models.records.aim import PLAIN_AIM, Aim, check_aim
from nworkers.models.records.prediction import BreakEven, Prediction
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario, check_scenario
from nworkers.simulator.study.crossing import first_wins, undecided, winning_ranges
from nworkers.simulator.study.predict import REPLICATIONS, baseline_of, beside
from nworkers.simulator.study.worker_grid import ends, worker_grid

Progress = Callable[[int, int], None]
#: Numbers of workers that a question about the curve needs too, none once it is answered.
Refine = Callable[[Mapping[int, Prediction]], list[int]]


def breakeven(
    profile: Profile,
    scenario: Scenario,
    *,
    max_workers: int = 64,
    baseline: str = "device",
    seed: int = 1,
    replications: int = REPLICATIONS,
    progress: Progress | None = None,
    known: Callable[[Prediction], None] | None = None,
    aim: Aim = PLAIN_AIM,
    refine: Refine | None = None,
) -> BreakEven:
    """Predict over numbers of workers and find where the speed-up crosses 1, or the aim's target.

    All numbers up to 8 are simulated, then three of each doubling; between two neighbours that
    disagree the crossing is found by bisection. The answer is that of simulating every number as
    long as no gap of the grid holds two crossings. So are the best number, and the interval's ends:
    the 5 % and 95 % quantiles over replications of the first number that wins.

    Args:
        scenario: the job; its number of workers is not used.
        max_workers: the largest number to look at; strong scaling ends at the global batch.
        progress: called with simulations done and expected.
        known: called with each row as it is known.
        aim: the target, and what of a sample counts as progress.
        refine: asked for further numbers until it has none.

    Raises:
        InputError
    """
    target = check_aim(aim).target_speedup
    first, limit = ends(scenario, max_workers)
    check_scenario(replace(scenario, workers=first))
    base = baseline_of(profile, scenario, baseline, seed, replications)
    curve: dict[int, Prediction] = {}

    def evaluate(numbers: list[int]) -> None:
        for done, workers in enumerate(numbers):
            if progress is not None:
                progress(len(curve), len(curve) + len(numbers) - done)
            at = replace(scenario, workers=workers)
            curve[workers] = beside(
                profile,
                at,
                base,
                baseline=baseline,
                seed=seed,
                replications=replications,
                aim=aim,
            )
            if known is not None:
                known(curve[workers])

    owned = 0 if scenario.added is None else scenario.added.owned
    evaluate(worker_grid(first, limit, owned))
    while missing := undecided(curve, target) or (refine(curve) if refine else []):
        evaluate(missing)
    if progress is not None:
        progress(len(curve), len(curve))
    rows = tuple(curve[workers] for workers in sorted(curve))
    ranges = winning_ranges(curve, target)
    answer = ranges[0][0] if ranges else None
    return BreakEven(
        rows=rows,
        max_workers=limit,
        breakeven_workers=answer,
        breakeven_workers_interval=first_wins(curve, target),
        breakeven_hosts=None if answer is None else curve[answer].scenario.hosts,
        beats_single=ranges,
        aim=aim,
    )
