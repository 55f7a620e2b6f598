"""Factors: what multiplies times alone, drawn in blocks as workers come to need them."""

from __future__ import annotations

from nworkers.models.costs.phase import Operation
from nworkers.simulator.step.variates import Variates

#: Factors of all workers that are drawn at once, at the most.
_BLOCK = 1 << 18


class Factors:
    """The first steps of all workers at once, then further ones of each worker that goes on.

    Args:
        steps: of each worker that count, at least.
    """

    def __init__(
        self, variates: Variates, operations: tuple[Operation, ...], workers: int, steps: int
    ) -> None:
        self._variates = variates
        self._operations = operations
        most = max(1, _BLOCK // (workers * len(operations)))
        first = range(min(steps, most))
        self._first = variates.factors(operations, range(workers), first).tolist()

    def of(self, worker: int, done: int) -> list[list[float]]:
        """[step][operation] of a worker that has taken ``done`` steps: as many as these again."""
        if not done:
            first: list[list[float]] = self._first[worker]
            return first
        more: list[list[list[float]]] = self._variates.factors(
            self._operations, range(worker, worker + 1), range(done, 2 * done)
        ).tolist()
        return more[0]
