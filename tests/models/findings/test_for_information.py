"""What a profile holds changes some prediction, or is named as for information."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from typing import Any, cast

import pytest

from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.base.leaves import mapped
from nworkers.models.findings.for_information import FOR_INFORMATION, for_information
from nworkers.models.records.on_device import on_gpu
from nworkers.models.records.profile import PARAMETERS, Profile, parameters, scaled
from nworkers.models.records.runtimes import Strategy
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import Cost, Variable, Workload, named_workload
from nworkers.simulator.study.predict import predict
from tests.support.factories import THREADED, every_feature, gpu_section

GEMM, MLP = named_workload("gemm:128,256"), named_workload("mlp:784,64,64,10")
QUICK = replace(MLP, name="quick", cost=Cost(1e-6, 0.0))
LARGE = Workload("large", (Variable("w", (2**25,)),), cost=Cost(1e-3, 0.0))
MANY = Workload("many", (Variable("w", (8,)),) * 40, cost=Cost(1e-3, 0.0))


def job(workload: Workload, strategy: Strategy = "ps-async", *said: str, **others: Any) -> Scenario:
    runtime = "mirrored" if strategy == "allreduce" else "session"
    known: dict[str, Any] = {"workers": 4, "batch": 256, "runtime": runtime} | others
    return Scenario(workload, strategy=strategy, what_if=what_if(said), **known)


ONE_HOST: dict[str, Any] = {"workers_per_host": 8, "ps_placement": "shared"}
SCENARIOS = (
    job(MLP, **ONE_HOST),
    job(MLP, "ps-sync", ps=2),
    job(replace(MLP, optimizer="momentum"), "ps-sync"),
    job(replace(MLP, optimizer="adam"), "ps-sync"),
    job(GEMM, batch=512),
    job(GEMM, batch=4, **ONE_HOST),
    job(GEMM, batch=1024, **ONE_HOST),
    job(MLP, "allreduce", **ONE_HOST),
    job(MLP, "allreduce", "overlap", "buckets=16kB"),
    job(MLP, runtime="coordinator"),
    job(QUICK, batch=4),
    job(QUICK, batch=4096),
    job(LARGE, "ps-sync", workers=8),
    job(LARGE, "allreduce", workers=8),
    job(MLP, batch=2400),
    job(MANY),
    *(job(named_workload(THREADED), batch=batch) for batch in (256, 700)),
    # Where workers share cores, what those of a thread alone take is waited for.
    *(job(named_workload(THREADED), batch=batch, **ONE_HOST) for batch in (256, 700)),
)
#: One that measured steps there are of, one by the rate of products; both on more GPUs than one.
ON_GPUS = (
    job(MLP, "allreduce", workers_per_gpu=3, **ONE_HOST),
    job(LARGE, "allreduce", workers=8, workers_per_gpu=4),
    job(MLP, batch=1024, workers_per_gpu=3, **ONE_HOST),
    job(GEMM, "ps-sync", batch=2**20, workers_per_gpu=3, **ONE_HOST),
)


def less(**changes: Any) -> Profile:
    """Every feature but some, over two rounds, each of which has a replication."""
    made = every_feature(**changes)
    return replace(made, noise=replace(made.noise, between=made.noise.between[:2]))


PUSH = every_feature().link.push
#: The second without what stands in for other things where it was measured.
BASES = (
    less(),
    less(link__both_ways_bandwidth_bytes_per_s=None, link__push=replace(PUSH, after_fetch_s=None)),
)
#: As a calibration of GPUs gives it, and as one without transfers into them does.
WITH_GPU = (
    less(gpu=gpu_section(), host__input=None),
    less(
        gpu=gpu_section(fetch=None, push=None, server_dispatch_s=None, ps_dispatch_s=None),
        host__input=None,
    ),
)
ALL = (*BASES, *WITH_GPU)
SECTIONS = ("device", "host", "link", "collective", "gpu")


@dataclass(frozen=True)
class Change:
    """Another profile that differs in one thing alone; the thing by the name that readers see."""

    name: str
    profile: Profile


def of_parameters(base: Profile) -> Iterator[Change]:
    """Each parameter twice as large, its draws too."""
    for name, wanted in parameters(base):

        def twice(one: Any, wanted: Any = wanted) -> Any:
            return scaled(one, 2.0) if one is wanted else one

        sections = {s: mapped(getattr(base, s), PARAMETERS, twice) for s in SECTIONS}
        yield Change(name, replace(base, **sections))


OTHER = {"fair": "fifo", "full": "half", "network": "loopback", "sum": "max", "ring": "tree"}


def _otherwise(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return OTHER.get(value, f"not {value}")
    return 2 * value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def of_fields(record: Any, name: str, put: Callable[[Any], Profile]) -> Iterator[Change]:
    """Each other value below a record otherwise: a number twice as large, a word another one."""
    if isinstance(record, PARAMETERS) or record is None:
        return
    if record == () and name.endswith(".segments"):
        return  # there are none beyond the first
    if isinstance(record, tuple) and record and not _is_number(record[0]):
        for k, item in enumerate(record):
            place = tuple(record[:k]), tuple(record[k + 1 :])
            label = getattr(item, "workload", "") or getattr(item, "optimizer", "") or k

            def put_item(new: Any, place: Any = place) -> Profile:
                return put((*place[0], new, *place[1]))

            yield from of_fields(item, f"{name}[{label}]", put_item)
    elif isinstance(record, dict):
        for key, value in record.items():

            def put_key(new: Any, key: Any = key) -> Profile:
                return put(record | {key: new})

            yield from of_fields(value, f"{name}[{key}]", put_key)
    elif is_dataclass(record):
        for entry in fields(record):

            def put_field(new: Any, entry: Any = entry) -> Profile:
                return put(replace(cast("Any", record), **{entry.name: new}))

            yield from of_fields(getattr(record, entry.name), f"{name}.{entry.name}", put_field)
    elif isinstance(record, tuple):
        # Of factors their spread, of a range both ends.
        squares = ".within" in name
        yield Change(name, put(tuple(v * v if squares else 2 * v for v in record)))
    elif record != 0.0:
        yield Change(name, put(_otherwise(record)))


def changes(base: Profile) -> Iterator[Change]:
    yield from of_parameters(base)
    for section in ("device", "host", "link", "collective", "noise", "gpu"):

        def put(new: Any, section: str = section) -> Profile:
            return replace(base, **{section: new})

        yield from of_fields(getattr(base, section), section, put)


@cache
def _plain() -> list[list[object]]:
    return [[answer(base, scenario) for scenario in _scenarios(base)] for base in ALL]


def _scenarios(base: Profile) -> tuple[Scenario, ...]:
    return SCENARIOS if base.gpu is None else ON_GPUS


def answer(of: Profile, scenario: Scenario) -> object:
    seen = of if scenario.workers_per_gpu is None else on_gpu(of)
    row = predict(seen, scenario, replications=2)
    return (
        row.step_time_s,
        row.step_time_s_interval,
        row.speedup_interval,
        row.extrapolated,
        row.memory,
    )


def is_read(base: int, change: Change) -> bool:
    """Whether some scenario's answer is another."""
    return any(
        answer(change.profile, scenario) != before
        for scenario, before in zip(_scenarios(ALL[base]), _plain()[base], strict=True)
    )


@pytest.mark.parametrize("base", range(len(ALL)))
def test_what_is_fitted_is_read_or_for_information(base: int) -> None:
    known = ALL[base]
    wrong = {
        change.name: reason
        for change in changes(known)
        if (known.gpu is None or change.name.startswith("gpu."))
        and is_read(base, change) != ((reason := for_information(known, change.name)) is None)
    }
    assert not wrong


def test_every_reason_is_of_something() -> None:
    names = ["link.candidates", *(change.name for base in ALL for change in changes(base))]
    for unread in FOR_INFORMATION:
        assert any(re.fullmatch(unread.names, name) for name in names), unread
