"""Jobs: rows of a scaling table as scenarios, and the time that a model gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nworkers.models.base.all_reduce_terms import ring_terms
from nworkers.models.base.statistics import Floats
from nworkers.models.records.profile import Profile
from nworkers.models.records.runtimes import RUNTIMES_OF
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Workload
from nworkers.models.tables.formats.csv_throughput import ScalingRow
from nworkers.models.tables.throughput.system import COSTS, PS_COSTS, RING_COSTS, Cost, trial

#: Seconds of a worker's mean step; the simulator's, without uncertainty of parameters.
Predict = Callable[[Profile, Scenario], float]
Group = tuple[str, int]
#: A change of a cost by which its derivative is taken moves a step by about this share.
_STEP_SHARE = 0.01


def scenario(row: ScalingRow, workload: Workload) -> Scenario:
    """The training that a row tells of: weak scaling, nodes filled in order, ps on the nodes."""
    allreduce = row.strategy == "allreduce"
    return Scenario(
        workload=workload,
        workers=row.workers,
        strategy=row.strategy,
        runtime=RUNTIMES_OF[row.strategy][0],
        scaling="weak",
        batch=row.batch_per_worker,
        ps=1 if allreduce else row.servers,
        workers_per_host=row.gpus_per_node,
        ps_placement="shared",
    )


def group_of(row: ScalingRow) -> Group:
    """Rows of one model and batch compute for the same time in a step."""
    return row.model, row.batch_per_worker


def first_alike(rows: Sequence[ScalingRow]) -> list[int]:
    """Of each row the first that tells of the same job: runs of one job are predicted once."""
    first: dict[ScalingRow, int] = {}
    jobs = (replace(row, samples_per_s=1.0, system="", source="") for row in rows)
    return [first.setdefault(job, k) for k, job in enumerate(jobs)]


@dataclass(frozen=True)
class Linearised:
    """Times of rows at a point, in seconds, and their derivatives [row, unknown]."""

    times_s: Floats
    slopes: Floats

    @property
    def shares(self) -> Floats:
        """Derivatives of the times' logarithms."""
        return np.asarray(self.slopes / self.times_s[:, None])


class Jobs:
    """Rows under one model; an unknown each for a group's compute seconds and for each cost.

    Args:
        groups: the groups that have an unknown; every row's is one of them.
        costs: the costs that have one.
        tell: called after each prediction.
    """

    def __init__(
        self,
        rows: Sequence[ScalingRow],
        groups: Sequence[Group],
        costs: Sequence[Cost],
        workloads: Mapping[str, Workload],
        base: Profile,
        predict: Predict,
        tell: Callable[[], None],
    ) -> None:
        self.rows = tuple(rows)
        self.groups = tuple(groups)
        self.costs = tuple(costs)
        self._workloads = workloads
        self._base = base
        self._predict = predict
        self._tell = tell
        self._known: dict[tuple[int, float, tuple[float, ...]], float] = {}
        places = {group: place for place, group in enumerate(self.groups)}
        self.which = np.array([places[group_of(row)] for row in rows], dtype=int)
        #: The first row of the same job.
        self._first = first_alike(rows)
        self._influence = np.array([[self._seconds(row, c) for c in self.costs] for row in rows])

    def steps(self) -> Floats:
        """Of each cost the change by which its derivative is taken."""
        measured_s = np.array([row.step_time_s for row in self.rows])
        largest = (self._influence.reshape(len(self.rows), -1) / measured_s[:, None]).max(axis=0)
        return np.asarray(_STEP_SHARE / np.maximum(largest, 1e-30))

    def times_s(self, x: Floats) -> Floats:
        """Seconds of each row's step; x holds the groups' compute seconds, then the costs."""
        count = len(self.groups)
        return np.array([self._time(k, x[:count], x[count:]) for k in range(len(self.rows))])

    def linear(self, x: Floats, steps: Floats) -> Linearised:
        """The times at x with their derivatives.

        Those of costs are differences. That of the compute follows from them: times are
        homogeneous, since twice the compute and twice all costs in seconds take twice as long
        (Euler's theorem).
        """
        groups = len(self.groups)
        times_s = self.times_s(x)
        slopes = np.zeros((len(self.rows), x.size))
        for k, step in enumerate(steps):
            moved = x.copy()
            moved[groups + k] += step
            for i in np.flatnonzero(self._influence[:, k]):
                slopes[i, groups + k] = (
                    self._time(int(i), moved[:groups], moved[groups:]) - times_s[i]
                ) / step
        timed = [groups + k for k, cost in enumerate(self.costs) if cost != "spread"]
        elsewhere = slopes[:, timed] @ x[timed]
        own = x[self.which]
        slopes[np.arange(len(self.rows)), self.which] = (times_s - elsewhere) / own
        return Linearised(times_s, slopes)

    def _time(self, k: int, compute_s: Floats, costs: Floats) -> float:
        row, step_s = self.rows[k], float(compute_s[self.which[k]])
        if row.alone:
            return step_s
        # What does not touch a row must not make it be predicted again.
        values = tuple(
            float(value) if self._influence[k, c] else 0.0 for c, value in enumerate(costs)
        )
        key = (self._first[k], step_s, values)
        if key not in self._known:
            charged = dict(zip(self.costs, values, strict=True))
            inside_s = charged.pop("inner_per_byte_s", 0.0)
            if inside_s > 0.0:
                charged["ring_per_byte_s"] = inside_s
            profile = trial(
                self._base,
                charged,
                row.model,
                row.batch_per_worker,
                step_s,
            )
            self._known[key] = self._predict(profile, scenario(row, self._workloads[row.model]))
            self._tell()
        return self._known[key]

    def _seconds(self, row: ScalingRow, cost: Cost) -> float:
        """About how many seconds a unit of the cost adds to the row's step; 0 if none at all."""
        if row.alone:
            return 0.0
        workload, ring = self._workloads[row.model], row.strategy == "allreduce"
        if cost == "spread":
            return 0.0 if row.strategy == "ps-async" else row.step_time_s
        if cost in (RING_COSTS if not ring else PS_COSTS):
            return 0.0
        if ring:
            hops, moved = ring_terms(workload.size_bytes, row.workers)
            if cost == "hop_s":
                return hops
            # Inside a node a ring has that node's bandwidth, where there are rows of both kinds.
            inside = "inner_per_byte_s" in self.costs and row.nodes == 1
            return moved if (cost == "inner_per_byte_s") == inside else 0.0
        if cost == "per_tensor_s":
            return 2.0 * workload.tensors / row.servers
        return 2.0 * workload.size_bytes * row.workers / row.servers


def costs_seen(rows: Sequence[ScalingRow]) -> tuple[Cost, ...]:
    """The costs that some row of several workers can tell of."""
    several = {row.strategy for row in rows if not row.alone}
    seen: set[Cost] = set()
    if several - {"ps-async"}:
        seen.add("spread")
    if several - {"allreduce"}:
        seen.update(PS_COSTS)
    if "allreduce" in several:
        seen.update(RING_COSTS)
        rings = [row for row in rows if row.strategy == "allreduce" and not row.alone]
        if len({row.nodes == 1 for row in rings}) < 2:
            seen.remove("inner_per_byte_s")
    return tuple(cost for cost in COSTS if cost in seen)
