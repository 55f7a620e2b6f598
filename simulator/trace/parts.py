"""Parts: when a simulated step has its variables, has its gradients, and ends, as a trace tells."""

from __future__ import annotations

from collections import defaultdict

from nworkers.models.records.measurement import StepParts
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.simulator.step.spans import Span
from nworkers.simulator.trace.observe import observe

#: Steps of each worker, and those from which on they count.
_STEPS, _FIRST = 40, 10
_FETCHES = ("dispatch", "fetch_latency", "fetch_transfer")


def step_parts(profile: Profile, scenario: Scenario, seed: int) -> StepParts:
    """Means over all workers' steps of one simulated run, by the profile's estimates.

    Raises:
        InputError: the scenario cannot be trained, or its spans do not fit into memory.
    """
    steps: dict[tuple[int, int], list[Span]] = defaultdict(list)
    for span in observe(profile, scenario, seed, _STEPS).spans:
        if span.step >= _FIRST:
            steps[span.worker, span.step].append(span)
    sums = [0.0, 0.0, 0.0]
    for spans in steps.values():
        begin_s = min(span.start_s for span in spans)
        end_s = max(span.end_s for span in spans)
        computing = [span for span in spans if span.phase == "compute"]
        computed_s = max((span.end_s for span in computing), default=begin_s)
        fetching = [s for s in spans if s.phase in _FETCHES and s.end_s <= computed_s]
        fetched_s = max((span.end_s for span in fetching), default=begin_s)
        parts_s = (fetched_s - begin_s, computed_s - fetched_s, end_s - computed_s)
        sums = [total + part_s for total, part_s in zip(sums, parts_s, strict=True)]
    fetch_s, compute_s, push_s = (total / len(steps) for total in sums)
    return StepParts(fetch_s, compute_s, push_s)
