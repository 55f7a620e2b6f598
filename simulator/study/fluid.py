"""Fluid: the limit of very many equal workers, of whom some stand for all.

Workers that do not wait for each other meet only at what they share. Of very many, each meets the
same mean load there (the mean-field limit: Kurtz, *J. Appl. Prob.* 7, 1970). So fewer of them, on
as much less capacity, take steps of the same length, but for what one alone is too coarse for.
"""

from __future__ import annotations

from nworkers.models.records.scenario import Scenario

#: More workers than these are represented, by so many; of those that go to several ps, every event
#: costs more, and fewer do.
_MOST_WORKERS, _REPRESENTATIVES = 32_768, 8_192
_MOST_OF_SEVERAL, _OF_SEVERAL = 2_048, 512


def representatives(scenario: Scenario) -> int | None:
    """How many stand for all workers of a scenario; None where each is simulated.

    They are alike, each on a host of its own, and wait for nobody.
    """
    change = scenario.what_if
    together = scenario.strategy != "ps-async" or change.staleness is not None or change.hybrid
    uneven = change.racks is not None or change.slow_links is not None or scenario.added_workers
    several = scenario.ps > 1
    most = _MOST_OF_SEVERAL if several else _MOST_WORKERS
    if scenario.workers <= most or together or uneven or change.faults:
        return None
    return _OF_SEVERAL if several else _REPRESENTATIVES
