"""Throughput answer: one system's rows, fitted, beside the usual laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from nworkers.models.base.errors import InputError
from nworkers.models.files.input_file import read_text
from nworkers.models.findings.fit_answer import FitAnswer
from nworkers.models.findings.weak_parameters import weaknesses
from nworkers.models.records.combined_parameter import combined
from nworkers.models.records.profile import NotIdentified, Parameter, Profile, parameters
from nworkers.models.records.workload import Workload
from nworkers.models.tables.components.rows import MAX_TABLE_BYTES
from nworkers.models.tables.detect import KNOWN
from nworkers.models.tables.formats.csv_throughput import ScalingRow, of_system, read
from nworkers.models.tables.throughput.assemble import assemble
from nworkers.models.tables.throughput.compare import (
    ComparedRows,
    Errors,
    compare,
    split,
)
from nworkers.models.tables.throughput.fit import ScalingFit, check_rows, fit
from nworkers.models.tables.throughput.jobs import Predict
from nworkers.models.tables.throughput.laws_answer import ASKS
from nworkers.models.tables.throughput.names import unknown_models, workloads_of
from nworkers.models.tables.throughput.published import Split
from nworkers.models.tables.throughput.reach import LIMITS_PER_DOUBLING, reach
from nworkers.models.tables.throughput.row_spread import PUBLISHED_PRIOR, RowPrior

#: Told what is done and how much there is.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ThroughputRequest:
    """A table, and what is fitted of it; ``fit_to`` is the most workers of a row that is fitted.

    ``batch`` is that of a worker, where the table does not say it.
    """

    file: Path
    base: Profile
    workload: Workload | None = None
    system: str | None = None
    fit_to: int | None = None
    prior: RowPrior = PUBLISHED_PRIOR
    batch: int | None = None


@dataclass(frozen=True)
class ChosenRows:
    """One system's rows and its models' variables; ``missing`` names what they are too little for.

    With anything missing the laws alone can answer, of all systems.
    """

    text: str
    rows: tuple[ScalingRow, ...]
    workloads: Mapping[str, Workload]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class FittedRows:
    """A table of which some rows are fitted; ``outside`` are the others.

    ``notes`` are remarks for whoever reads the answer.
    """

    request: ThroughputRequest
    text: str
    workloads: Mapping[str, Workload]
    outside: tuple[ScalingRow, ...]
    fitted: ScalingFit
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ThroughputAnswer(ComparedRows):
    """The profile, how it was fitted, and every row beside every method.

    ``read`` are remarks about how the table was read.
    """

    request: ThroughputRequest
    fit: FitAnswer
    fitted: ScalingFit
    read: tuple[str, ...] = ()

    @property
    def spread(self) -> Parameter | None:
        """The deviation of compute between workers; None where no row could tell of it."""
        return self.fitted.parameter("spread") if "spread" in self.fitted.costs else None

    @property
    def learnt(self) -> tuple[tuple[str, Parameter], ...]:
        """What the table was asked for, whether it told or not; the rest is empty or the base's.

        A fetch and a push are taken alike, so they are listed once.
        """
        profile, costs = self.fit.profile, self.fitted.costs
        found = [
            (f"step of {measured.workload}, {path}", parameter)
            for measured in profile.device.workloads
            for path, parameter in parameters(measured.step)
        ]
        if "per_byte_s" in costs:
            fetch = profile.link.fetch
            found.append(("bandwidth of a node, each way", fetch.segments[0].bandwidth_bytes_per_s))
            found.append(("time for each tensor, each way", fetch.per_tensor_s))
        if "hop_s" in costs:
            ring = profile.collective
            for name, parameter in (
                ("bandwidth of the ring", ring.bandwidth_bytes_per_s),
                ("latency of a step of the ring", ring.latency_s),
            ):
                assert parameter is not None
                found.append((name, parameter))
        if "inner_per_byte_s" in costs:
            slowness = self.fitted.parameter("inner_per_byte_s")
            draws = len(slowness.draws)
            inside = combined(lambda s: 1.0 / s, "bytes/s", slowness, draws=draws)
            found.append(("bandwidth of the ring inside a node", inside))
        if self.spread is not None:
            found.append(("spread of compute between workers", self.spread))
        return tuple(found)

    @property
    def reach_workers(self) -> int:
        """The workers beyond which the fitted rows tell no throughput within a factor of two."""
        return reach(max(c.row.workers for c in self.inside))

    @property
    def notes(self) -> tuple[str, ...]:
        """How the rows were read, and what they leave open."""
        notes = [*self.read, "a row of one worker is taken as one process without ps"]
        if self.fitted.spread.telling:
            missed = np.abs(np.expm1(self.fitted.log_residuals))
            notes.append(
                f"the fitted rows themselves are off by {100 * missed.min():.0f} to "
                f"{100 * missed.max():.0f} %, more than those of published tables: something here "
                "is not in the model. No interval is narrower than that"
            )
        open_ones = [
            name
            for name, parameter in self.learnt
            if isinstance(parameter, NotIdentified) and not name.startswith("step of")
        ]
        if open_ones:
            notes.append(
                f"these rows do not tell: {', '.join(open_ones)}. Predictions take as little of it "
                "as the rows leave possible, so far from them, or with fewer ps, they may be too "
                "fast"
            )
        notes.append(
            f"beyond {self.reach_workers} workers these rows cannot tell a throughput within a "
            "factor of two: something that all workers share may fill up, as it does once in "
            f"{1 / LIMITS_PER_DOUBLING:.0f} doublings of published systems"
        )
        fitted = [c.row for c in self.inside if not c.row.alone]
        if any(row.gpus_per_node > 1 for row in fitted) and all(row.nodes == 1 for row in fitted):
            notes.append(
                "all fitted rows are of one node: they tell nothing of the network between nodes, "
                "which made published systems up to 1.9 times slower than their own node's rows say"
            )
        alone = {(c.row.model, c.row.batch_per_worker) for c in self.rows if c.row.alone}
        for model, batch in self.fitted.groups:
            if (model, batch) not in alone:
                notes.append(f"{model}, batch {batch}: no row of one worker; its rate is inferred")
        return tuple(notes)


@dataclass(frozen=True)
class PublishedSplit:
    """One published table's rows, of which the small ones were fitted."""

    split: Split
    answer: ThroughputAnswer

    @property
    def error(self) -> Errors:
        """Of the rows that were not fitted."""
        return self.answer.errors["predicted"]["scale"]


@dataclass(frozen=True)
class PublishedAnswer:
    """Every split, and whether all its rows are predicted within the tolerance."""

    tolerance: float
    held: tuple[PublishedSplit, ...]

    @property
    def holds(self) -> bool:
        return all((one.error.worst or 0.0) <= self.tolerance for one in self.held)


def choose(request: ThroughputRequest) -> ChosenRows:
    """The rows that the request is about.

    Raises:
        InputError: the file is no such table, or has no row beyond those to fit.
    """
    source = str(request.file)
    text = read_text(request.file, KNOWN, MAX_TABLE_BYTES)
    given = request.workload
    table = read(text, source, batch=request.batch, model=given.name if given else None)
    missing, rows = table.missing, table.rows
    workloads: dict[str, Workload] = {}
    if not missing and any(row.global_batch for row in rows):
        missing = ("strong",)
    if not missing or request.system is not None:
        rows = of_system(rows, request.system, source)
    if not missing:
        if given is None and unknown_models(rows):
            missing = ("workload",)
        else:
            rows, workloads = workloads_of(rows, given, source)
    most = max(row.workers for row in rows)
    if request.fit_to is not None and request.fit_to >= most:
        raise InputError(
            "fit_to", request.fit_to, f"fewer than the most workers in the table ({most})"
        )
    return ChosenRows(text, rows, workloads, missing, table.notes)


def refuse(request: ThroughputRequest, chosen: ChosenRows) -> NoReturn:
    """Name what is missing for a model of the system.

    Raises:
        InputError: always.
    """
    source = str(request.file)
    if chosen.missing == ("workload",):
        workloads_of(chosen.rows, None, source)
    raise InputError(source, *ASKS[chosen.missing[0]])


def fit_rows(
    request: ThroughputRequest,
    predict: Predict,
    progress: Progress,
    chosen: ChosenRows | None = None,
) -> FittedRows:
    """Fit the rows that the request wants fitted.

    Args:
        predict: the step time of a scenario on a profile.
        chosen: the request's rows, where they have been read.

    Raises:
        InputError: the file is no such table, or too little is left to fit.
    """
    source = str(request.file)
    chosen = chosen or choose(request)
    if chosen.missing:
        refuse(request, chosen)
    rows, workloads = chosen.rows, chosen.workloads
    inside, outside = split(rows, request.fit_to)
    check_rows(inside, source)
    found = fit(
        inside,
        workloads,
        request.base,
        predict,
        source=source,
        prior=request.prior,
        progress=progress,
    )
    return FittedRows(request, chosen.text, workloads, tuple(outside), found, chosen.notes)


def throughput_answer(rows: FittedRows, predict: Predict, progress: Progress) -> ThroughputAnswer:
    """Put all rows beside every method, and the fit into a profile."""
    request, fitted = rows.request, rows.fitted
    expected = max(1, len(rows.outside) * (1 + len(fitted.costs)))
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        progress(min(done, expected), expected)

    compared = compare(fitted, rows.outside, rows.workloads, request.base, predict, progress=tell)
    profile = assemble(fitted, rows.workloads, request.base, rows.text, request.file.name)
    fit = FitAnswer(profile, str(request.file), weaknesses(profile))
    return ThroughputAnswer(compared, request, fit, fitted, rows.notes)
