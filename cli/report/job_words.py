"""Job words: what names of strategies and of scaling mean, for who does not know them."""

from __future__ import annotations

from nworkers.models.records.scenario import Scenario

STRATEGY_WORDS = {
    "ps-async": "workers go their own pace, over parameter servers",
    "ps-sync": "workers wait for each other, over parameter servers",
    "allreduce": "workers add up gradients among themselves",
}
_SCALING_WORDS = {
    "strong": "one batch for all workers",
    "weak": "a batch for each worker",
}

#: Words of the page, with what they mean.
WORDS = (
    ("worker", "a process or GPU that trains on a part of the samples; there are N of them"),
    ("parameter server, ps", "a task that holds the variables, and is not counted as a worker"),
    ("step", "what a worker repeats: fetch variables, compute gradients, push them"),
    ("baseline", "what the workers are compared with, such as one process that trains alone"),
    ("speed-up", "samples per second of all workers together over the baseline's"),
    ("break-even", "the fewest workers that beat the baseline"),
    ("90 % interval", "holds nine of ten fresh runs, as far as the measurement can tell"),
    ("probability, chance", "the share of the simulated runs in which it is so"),
)


def meaning(scenario: Scenario) -> str:
    """The strategy and the scaling of a job, each in words."""
    strategy, scaling = scenario.strategy, scenario.scaling
    return f"{strategy}: {STRATEGY_WORDS[strategy]}; {scaling} scaling: {_SCALING_WORDS[scaling]}"
