"""Assemble: a base profile with what a scaling table tells of a system."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from nworkers.models.base.statistics import Floats
from nworkers.models.fitting.precision import PROVISIONAL_ROUNDS
from nworkers.models.records.profile import (
    SECTIONS,
    FitRow,
    Identified,
    Imported,
    Parameter,
    Profile,
    StepTime,
    WorkloadTime,
    parameters,
)
from nworkers.models.records.workload import Workload
from nworkers.models.tables.formats.csv_throughput import FORMAT
from nworkers.models.tables.throughput.fit import ScalingFit, drawn_parameter
from nworkers.models.tables.throughput.jobs import group_of
from nworkers.models.tables.throughput.system import NOTHING_S, hardware, products, workload_time

#: Equally probable runs.
_RUNS = 20
#: Every operation of a run, which a row's deviation from the fit slows or speeds up alike.
_OPERATIONS = ("dispatch", "fetch", "compute", "push")


def assemble(
    fit: ScalingFit,
    workloads: Mapping[str, Workload],
    base: Profile,
    text: str,
    source: str,
) -> Profile:
    """The profile from which predictions follow; ``text`` is the table's.

    Rows deviate from the fit as runs do from each other, so that a row's spread is the variation
    between runs. There is one table, hence one round, and intervals are provisional.
    """
    system = fit.rows[0].system or "a system without a name"
    made = hardware(
        base,
        {cost: fit.parameter(cost) for cost in fit.costs},
        fit.cost("spread"),
        [_workload(fit, name) for name in dict.fromkeys(row.model for row in fit.rows)],
        workers_per_host=max(row.gpus_per_node for row in fit.rows),
        concurrency=max(row.workers for row in fit.rows),
        sizes=_sizes(fit, workloads),
    )
    made = replace(made, device=replace(made.device, name=system))
    rate, flops = _rate(fit, workloads)
    if rate is not None:
        made_of = products(made.device.products.segments[0].gemm_overhead_s, rate)
        made = replace(made, device=replace(made.device, products=made_of, gemm_flops=flops))
    if made.collective.measured and "hop_s" in fit.costs:
        reduced = [row for row in fit.rows if row.strategy == "allreduce" and not row.alone]
        sizes = [float(workloads[row.model].size_bytes) for row in reduced]
        counts = [row.workers for row in reduced]
        made = replace(
            made,
            collective=replace(
                made.collective,
                workers=(min(counts), max(counts)),
                size_bytes=(min(sizes), max(sizes)),
            ),
        )
    scores = [NormalDist().inv_cdf((k + 0.5) / _RUNS) for k in range(_RUNS)]
    factors = np.exp(fit.spread.predictive / np.std(scores, ddof=1) * np.array(scores))
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    before = dict(parameters(base))
    changed = tuple(
        path
        for path, p in parameters(made)
        if isinstance(p, Identified) and p is not before.get(path)
    )
    return replace(
        made,
        name=f"{system} from {source}",
        hardware=f"{system}, by the throughput in {source}",
        measured_at="",
        samples_sha256=digest,
        rounds=1,
        provisional=PROVISIONAL_ROUNDS > 1,
        noise=replace(
            made.noise,
            between=tuple(dict.fromkeys(_OPERATIONS, float(factor)) for factor in factors),
        ),
        fit=(_quality(fit),),
        workload=fit.rows[0].model,
        stand_ins={
            section: base.stand_ins.get(section, base.name)
            for section in SECTIONS
            if section in ("link", "collective")
            and getattr(made, section) is getattr(base, section)
        },
        imported=(
            *base.imported,
            Imported(FORMAT, source, digest, len(fit.rows), base.name, changed),
        ),
    )


def _workload(fit: ScalingFit, name: str) -> WorkloadTime[Parameter]:
    """The measured step of a model: a line through the batches, if there are several.

    The spread between workers has no draws of its own in a profile, so what its draws do to the
    row of the most workers is in the worker's floor; the single process waits for nobody.
    """
    places = [k for k, (model, _) in enumerate(fit.groups) if model == name]
    batches = np.array([float(fit.groups[k][1]) for k in places])
    line, line_draws = _line(batches, fit.x[places], fit.draws[:, places])
    seen = all(fit.identified[k] for k in places)
    samples = sum(row.model == name for row in fit.rows)

    def drawn(k: int, unit: str, draws: Floats) -> Parameter:
        return drawn_parameter(
            max(float(line[k]), NOTHING_S),
            np.maximum(draws, NOTHING_S),
            unit,
            samples,
            seen and bool(line[k] > NOTHING_S),
        )

    step = StepTime(drawn(0, "s", line_draws[:, 0]), drawn(1, "s/sample", line_draws[:, 1]))
    middle = np.array([1.0, float(np.exp(np.log(batches).mean()))])
    waits_s = np.expm1(_waiting(fit, name)) * (line_draws @ middle)
    extent = int(batches.min()), int(batches.max())
    return workload_time(
        name, extent, step, drawn(0, "s", line_draws[:, 0] + waits_s), len(fit.draws)
    )


def _line(batches: Floats, seconds: Floats, draws: Floats) -> tuple[Floats, Floats]:
    """Floor and seconds a sample, neither negative, of the estimate and of every draw.

    One batch cannot tell a floor, so all is taken in proportion to the batch.
    """
    # scipy.optimize takes half a second to import, and predicting needs none of it.
    from scipy.optimize import nnls  # noqa: PLC0415

    def through(values: Floats) -> Floats:
        if values.size == 1:
            return np.array([0.0, values[0] / batches[0]])
        design = np.column_stack([np.ones_like(batches), batches]) / values[:, None]
        return np.asarray(nnls(design, np.ones_like(values))[0])

    return through(seconds), np.array([through(values) for values in draws])


def _waiting(fit: ScalingFit, name: str) -> Floats:
    """Of each draw, the log-change of the step of the most workers by its spread."""
    rows = [k for k, row in enumerate(fit.rows) if row.model == name and row.strategy != "ps-async"]
    if "spread" not in fit.costs or not rows:
        return np.zeros(len(fit.draws))
    most = max(rows, key=lambda k: fit.rows[k].workers)
    column = len(fit.groups) + fit.costs.index("spread")
    slope = float(fit.linear.shares[most, column])
    return np.asarray(np.clip(slope * (fit.draws[:, column] - fit.x[column]), -2.0, 2.0))


def _sizes(
    fit: ScalingFit, workloads: Mapping[str, Workload]
) -> tuple[tuple[float, float], tuple[int, int]]:
    moved = [v.size_bytes for row in fit.rows for v in workloads[row.model].variables]
    counts = [workloads[row.model].tensors for row in fit.rows]
    return (float(min(moved)), float(max(moved))), (1, max(counts))


def _rate(
    fit: ScalingFit, workloads: Mapping[str, Workload]
) -> tuple[Parameter | None, tuple[float, float]]:
    """FLOPs per second at which the models computed: for one that is not in the table.

    The geometric mean of them in every draw; None where no workload states its FLOPs.
    """
    known = [
        (k, batch * (workloads[model].flops_per_sample or 0.0))
        for k, (model, batch) in enumerate(fit.groups)
        if workloads[model].flops_per_sample
    ]
    if not known:
        return None, (1.0, 1.0)
    flops = np.array([f for _, f in known])
    places = [k for k, _ in known]
    estimate = float(np.exp(np.mean(np.log(flops / fit.x[places]))))
    draws = np.exp(np.mean(np.log(flops / fit.draws[:, places]), axis=1))
    rate = drawn_parameter(estimate, draws, "flop/s", len(fit.rows), True)
    return rate, (float(flops.min()), float(flops.max()))


def _quality(fit: ScalingFit) -> FitRow:
    """None is held out: tables are short, and a fit to small rows alone shows it."""
    return FitRow("scaling", len({(group_of(r), r.workers) for r in fit.rows}), 0, None, None)
