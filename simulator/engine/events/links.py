"""Links: a network of them under max-min fairness, all rates anew at every change.

A flow gets the same as every other flow of its bottleneck, and no more than its own cap (Bertsekas
and Gallager, *Data Networks*, 2nd ed., 1992, section 6.5.2). Where flows have weights, shares are
in proportion to these. Where sharing costs something, k flows together get k^-loss of a link. One
link alone is a `FairShare`, which a property test holds to this.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import simpy

from nworkers.models.base.statistics import Floats
from nworkers.simulator.engine.events.resources import (
    CLOCK_RESOLUTION,
    MOST_LOSING,
    Alarm,
    Done,
    kept_shares,
)

#: Rates this share of a capacity apart are equal: so much may rounding move a level.
_ROUNDING = 1e-12
#: Bytes of this share of a flow are lost to rounding.
_LOST = 1e-12
#: After all other events of an instant.
_LAST = simpy.events.EventPriority(2)

Links = npt.NDArray[np.intp]


class FairNetwork:
    """Links of which flows take several: all rates anew at every change, in O(flows).

    Changes of one instant are settled together, once all of them have happened.
    """

    def __init__(
        self, env: simpy.Environment, capacities: Sequence[float], losses: Sequence[float] = ()
    ) -> None:
        self._env = env
        # Routes shorter than the longest are filled up with a link that never binds.
        self._capacities = np.array([*capacities, math.inf])
        self._kept = np.array(list(map(kept_shares, (*losses, 0.0)))) if any(losses) else None
        self._links = np.zeros((0, 0), dtype=np.intp)
        self._caps = self._left = self._least = self._rates = self._weights = np.zeros(0)
        self._done: list[Done] = []
        self._updated_s = 0.0
        self._changing = False
        self._alarm = Alarm(env, self._settle)

    def route(self, links: Sequence[int]) -> Route:
        """What takes flows over these links, given by their positions."""
        missing = max(0, len(links) - self._links.shape[1])
        unbounded = np.full((len(self._done), missing), len(self._capacities) - 1, dtype=np.intp)
        self._links = np.hstack([self._links, unbounded])
        return Route(self, tuple(links), float(self._capacities[list(links)].min()))

    def submit(
        self, links: tuple[int, ...], work: float, cap: float, done: Done, weight: float
    ) -> None:
        """As a resource's, over these links."""
        if work <= 0.0:
            done()
            return
        self._advance()
        width = self._links.shape[1]
        row = [*links, *[len(self._capacities) - 1] * (width - len(links))]
        self._links = np.vstack([self._links, np.array([row], dtype=np.intp)])
        self._caps = np.append(self._caps, cap)
        self._weights = np.append(self._weights, weight)
        self._left = np.append(self._left, work)
        self._least = np.append(self._least, work * _LOST)
        # It moves from when this instant's changes are settled.
        self._rates = np.append(self._rates, 0.0)
        self._done.append(done)
        self._change()

    def _advance(self) -> None:
        passed_s = self._env.now - self._updated_s
        self._updated_s = self._env.now
        if passed_s > 0.0:
            self._left -= self._rates * passed_s

    def _change(self) -> None:
        """Settle rates once everything else of this instant has happened."""
        if not self._changing:
            self._changing = True
            event = simpy.Event(self._env)
            event.callbacks.append(self._changed)
            event._ok, event._value = True, None
            self._env.schedule(event, priority=_LAST)

    def _changed(self, _: simpy.Event) -> None:
        self._changing = False
        if self._done:
            self._rates = max_min(self._links, self._caps, self._rooms(), self._weights)
            self._alarm.at_most(self._env.now + float((self._left / self._rates).min()))

    def _rooms(self) -> Floats:
        """What the flows that there are get of each link together."""
        if self._kept is None:
            return self._capacities
        flows = np.bincount(self._links.ravel(), minlength=len(self._capacities))
        kept = self._kept[np.arange(len(flows)), np.minimum(flows, MOST_LOSING)]
        return np.asarray(self._capacities * kept)

    def _settle(self) -> None:
        """End all flows that are through."""
        self._advance()
        tick_s = CLOCK_RESOLUTION * self._updated_s
        stay = self._left > self._least + self._rates * tick_s
        ended = [self._done[k] for k in np.flatnonzero(~stay)]
        self._done = [self._done[k] for k in np.flatnonzero(stay)]
        self._links, self._caps, self._weights, self._left, self._least, self._rates = (
            self._links[stay],
            self._caps[stay],
            self._weights[stay],
            self._left[stay],
            self._least[stay],
            self._rates[stay],
        )
        for done in ended:
            done()
        self._change()


@dataclass(frozen=True, slots=True)
class Route:
    """A resource: the links of a network that a flow takes all at once."""

    network: FairNetwork
    links: tuple[int, ...]
    capacity: float

    def submit(self, work: float, rate: float, done: Done, weight: float = 1.0) -> None:
        self.network.submit(self.links, work, rate, done, weight)


def max_min(
    links: Links, caps: Floats, capacities: Floats, weights: Floats | None = None
) -> Floats:
    """The rate of each flow, by progressive filling.

    Args:
        links: [flow, hop], positions in ``capacities``.
        caps: of each flow, in bytes per second.
        capacities: of each link; infinite for one that only fills up rows.
        weights: of each flow, to which its share is in proportion; None where all have the same.
    """
    rates = np.zeros(len(caps))
    left = capacities.copy()
    open_ = np.ones(len(caps), dtype=bool)
    shares = np.ones(len(caps)) if weights is None else weights
    by_hop = np.repeat(shares, links.shape[1]).reshape(links.shape)
    while open_.any():
        crossing = np.bincount(links[open_].ravel(), by_hop[open_].ravel(), minlength=len(left))
        with np.errstate(divide="ignore", invalid="ignore"):
            levels = np.where(crossing > 0, left / crossing, math.inf)
        level = max(0.0, float(levels.min()))
        held = open_ & (caps <= level * shares * (1.0 + _ROUNDING))
        if held.any():
            rates[held] = caps[held]
        else:
            full = levels <= level * (1.0 + _ROUNDING)
            held = open_ & full[links].any(axis=1)
            rates[held] = level * shares[held]
        open_ &= ~held
        used = np.bincount(
            links[held].ravel(), np.repeat(rates[held], links.shape[1]), minlength=len(left)
        )
        left = left - used
    return rates
