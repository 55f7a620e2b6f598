"""Worker grid: the numbers of workers that a curve is simulated at before it is refined."""

from __future__ import annotations

from nworkers.models.base.errors import InputError
from nworkers.models.records.scenario import MAX_WORKERS, Scenario

#: Every number of workers up to here is evaluated, and of each doubling beyond it these shares.
_DENSE = 8
_SHARES = (1.25, 1.5, 2.0)


def ends(scenario: Scenario, max_workers: int) -> tuple[int, int]:
    """The fewest and the most workers of a curve: strong scaling ends at the global batch.

    With workers that are added, from one of them to all.

    Raises:
        InputError: there is no number between them, or none is allowed.
    """
    if not 1 <= max_workers <= MAX_WORKERS:
        raise InputError("max_workers", max_workers, f"an integer from 1 to {MAX_WORKERS}")
    first = max(2 if scenario.strategy == "allreduce" else 1, scenario.what_if.least_workers)
    if (added := scenario.added) is not None:
        first, max_workers = max(first, added.owned + 1), added.owned + added.most
    limit = min(max_workers, scenario.batch) if scenario.scaling == "strong" else max_workers
    if limit < first:
        raise InputError("max_workers", limit, f"at least {first} with this strategy and <what_if>")
    return first, limit


def worker_grid(first: int, limit: int, owned: int = 0) -> list[int]:
    """All numbers up to 8, then three of each doubling; the ends too.

    Args:
        owned: so many workers are there anyway, and are not counted.
    """
    if owned:
        return [owned + more for more in worker_grid(first - owned, limit - owned)]
    numbers = {first, limit, *range(first, _DENSE + 1)}
    size = _DENSE
    while size < limit:
        numbers |= {round(size * share) for share in _SHARES}
        size *= 2
    return sorted(number for number in numbers if first <= number <= limit)
