"""Combined parameter: a function of several parameters, draw by draw."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice

from nworkers.models.base.statistics import interval90
from nworkers.models.records.profile import Identified, NotIdentified, Parameter, value_at


def of_draws(
    best: float, draws: tuple[float, ...], unit: str, samples: int, *, seen: bool
) -> Parameter:
    """A parameter by its estimate and its draws.

    Args:
        seen: whether the data determine it.
    """
    if not seen:
        return NotIdentified(best, unit, samples, draws)
    return Identified(best, interval90(draws, best), unit, samples, draws)


def combined(function: Callable[..., float], unit: str, *of: Parameter, draws: int) -> Parameter:
    """The function's value at the parameters' estimates, and at each of so many draws."""
    # Fewer draws come round again, as in `value_at`.
    columns = (islice(cycle(p.draws), draws) for p in of)
    return of_draws(
        function(*(value_at(p, None) for p in of)),
        tuple(map(function, *columns)),
        unit,
        of[-1].samples,
        seen=all(isinstance(p, Identified) for p in of),
    )
