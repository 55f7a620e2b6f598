"""Links under max-min fairness: one link in O(log n) an event, and a network of them.

A flow gets the same as every other flow of its bottleneck, and no more than its own cap (Bertsekas
and Gallager, *Data Networks*, 2nd ed., 1992, section 6.5.2). Where flows have weights, shares are
in proportion to these. A property test holds the first class to the second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt
import simpy

from nworkers.models.base.statistics import Floats
from nworkers.simulator.engine.events.resources import CLOCK_RESOLUTION, Alarm, Done

#: Rates this share of a capacity apart are equal: so much may rounding move a level.
_ROUNDING = 1e-12
#: Bytes of this share of a flow are lost to rounding.
_LOST = 1e-12
#: After all other events of an instant.
_LAST = simpy.events.EventPriority(2)

Links = npt.NDArray[np.intp]


class _Flow:
    """A flow on one link: at its weight's share of the level of all, or at its own cap below it."""

    __slots__ = ("cap", "done", "end", "move", "weight")

    def __init__(self, cap: float, weight: float, done: Done) -> None:
        self.cap = cap
        self.weight = weight
        self.done = done
        #: In virtual bytes at the level, in seconds at the cap.
        self.end = 0.0
        #: Which move was its last; a heap's entries from earlier ones are void.
        self.move = 0


#: (key, move, flow), the smallest key first.
_Heap = list[tuple[float, int, _Flow]]


def _first(heap: _Heap) -> _Flow | None:
    """The first flow that has not moved since it came into the heap."""
    while heap:
        _, move, flow = heap[0]
        if flow.move == move:
            return flow
        heappop(heap)
    return None


class FairLink:
    """One link: flows get the same rate, the level, except those whose cap is below it.

    Flows at the level end in the order of their virtual ends: bytes that a flow at the level has
    got since the link was last idle. Flows at their cap end at a time known when they came to it.
    An event costs O(log n) for itself and for each flow that changes sides. Caps at or above the
    capacity never bind. The level is that of a flow of weight 1.
    """

    def __init__(self, env: simpy.Environment, capacity: float) -> None:
        self._env = env
        self.capacity = capacity
        # So much may rounding take from the level; without it flows could change sides for ever.
        self._slack = capacity * _ROUNDING
        self._level = capacity
        self._virtual = 0.0
        self._updated_s = 0.0
        #: How many flows share what is left of those at their caps, and their weights' sum.
        self._sharing = 0
        self._weight = 0.0
        self._capped = 0
        self._capped_rate = 0.0
        self._moves = 0
        # Flows that no cap can bind never move: (virtual end, place in the order, weight, done).
        self._unbound: list[tuple[float, int, float, Done]] = []
        self._ends: _Heap = []
        self._caps: _Heap = []
        self._capped_ends: _Heap = []
        self._capped_caps: _Heap = []
        self._alarm = Alarm(env, self._settle)
        self._settling = False

    def submit(self, work: float, rate: float, done: Done, weight: float = 1.0) -> None:
        if work <= 0.0:
            done()
            return
        self._advance()
        if rate >= self.capacity:
            self._moves += 1
            self._join(weight)
            heappush(self._unbound, (self._virtual + work / weight, self._moves, weight, done))
        elif self._sharing:
            self._share(_Flow(rate, weight, done), work)
        else:
            self._hold(_Flow(rate, weight, done), work)
        if not self._settling:
            self._plan()

    def _advance(self) -> None:
        now_s = self._env.now
        if self._sharing:
            self._virtual += (now_s - self._updated_s) * self._level
        else:
            self._virtual = 0.0
        self._updated_s = now_s

    def _join(self, weight: float) -> None:
        """Count one more among those that share."""
        self._sharing += 1
        self._weight += weight

    def _leave(self, weight: float) -> None:
        self._sharing -= 1
        # From nothing anew: what rounding left over would go to nobody.
        self._weight = self._weight - weight if self._sharing else 0.0

    def _share(self, flow: _Flow, left: float) -> None:
        """Let the flow have the level for the bytes that are left."""
        self._moves += 1
        flow.move = self._moves
        flow.end = self._virtual + left / flow.weight
        self._join(flow.weight)
        heappush(self._ends, (flow.end, flow.move, flow))
        heappush(self._caps, (flow.cap / flow.weight, flow.move, flow))

    def _hold(self, flow: _Flow, left: float) -> None:
        """Hold the flow at its cap for the bytes that are left."""
        self._moves += 1
        flow.move = self._moves
        flow.end = self._updated_s + left / flow.cap
        self._capped += 1
        self._capped_rate += flow.cap
        heappush(self._capped_ends, (flow.end, flow.move, flow))
        heappush(self._capped_caps, (-flow.cap / flow.weight, flow.move, flow))

    def _release(self, flow: _Flow) -> None:
        """Take a flow away from those at their caps."""
        self._capped -= 1
        self._capped_rate = self._capped_rate - flow.cap if self._capped else 0.0

    def _balance(self) -> None:
        """Move flows until all whose cap is below the level, and no others, are at their caps.

        Every move raises the level, so none is undone; at a cap that is the level either side will
        do.
        """
        while True:
            if self._sharing:
                self._level = max(0.0, self.capacity - self._capped_rate) / self._weight
                flow = _first(self._caps)
                if flow is not None and flow.cap <= self._level * flow.weight:
                    left = max(0.0, flow.end - self._virtual) * flow.weight
                    self._leave(flow.weight)
                    self._hold(flow, left)
                    continue
            flow = _first(self._capped_caps) if self._capped else None
            if flow is None:
                return
            fits = (
                flow.cap <= self._level * flow.weight + self._slack
                if self._sharing
                else self._capped_rate <= self.capacity + self._slack
            )
            if fits:
                return
            left = max(0.0, flow.end - self._updated_s) * flow.cap
            self._release(flow)
            self._share(flow, left)

    def _plan(self) -> None:
        """Wake when the first flow ends, if nothing changes before."""
        if self._caps or self._capped:
            self._balance()
        elif self._sharing:
            self._level = self.capacity / self._weight
        if self._sharing:
            end = self._unbound[0][0] if self._unbound else math.inf
            if self._ends and (first := _first(self._ends)) is not None:
                end = min(end, first.end)
            due_s = self._updated_s + (end - self._virtual) / self._level
            if due_s < self._alarm.due_s:
                self._alarm.at_most(due_s)
        if self._capped:
            first = _first(self._capped_ends)
            assert first is not None
            self._alarm.at_most(first.end)

    def _settle(self) -> None:
        """End all that is done; what is submitted meanwhile is planned for once, at the end."""
        self._advance()
        now_s = self._updated_s
        tick_s = CLOCK_RESOLUTION * now_s
        self._settling = True
        if self._sharing:
            reached = self._virtual + tick_s * self._level
            unbound, ended = self._unbound, []
            while unbound and unbound[0][0] <= reached:
                _, _, weight, done = heappop(unbound)
                self._leave(weight)
                ended.append(done)
            if self._ends:
                ended += self._through(self._ends, reached)
            for done in ended:
                done()
        if self._capped:
            for done in self._through(self._capped_ends, now_s + tick_s):
                done()
        self._settling = False
        if self._sharing or self._capped:
            self._plan()

    def _through(self, ends: _Heap, reached: float) -> list[Done]:
        """Take away the flows that have reached their ends."""
        ended = []
        while ends and ends[0][0] <= reached:
            _, move, flow = heappop(ends)
            if flow.move != move:
                continue
            flow.move = 0
            if ends is self._ends:
                self._leave(flow.weight)
            else:
                self._release(flow)
            ended.append(flow.done)
        return ended


class FairNetwork:
    """Links of which flows take several: all rates anew at every change, in O(flows).

    Changes of one instant are settled together, once all of them have happened.
    """

    def __init__(self, env: simpy.Environment, capacities: Sequence[float]) -> None:
        self._env = env
        # Routes shorter than the longest are filled up with a link that never binds.
        self._capacities = np.array([*capacities, math.inf])
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
            self._rates = max_min(self._links, self._caps, self._capacities, self._weights)
            self._alarm.at_most(self._env.now + float((self._left / self._rates).min()))

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
