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


def meaning(scenario: Scenario) -> str:
    """The strategy and the scaling of a job, each in words."""
    strategy, scaling = scenario.strategy, scenario.scaling
    return f"{strategy}: {STRATEGY_WORDS[strategy]}; {scaling} scaling: {_SCALING_WORDS[scaling]}"
