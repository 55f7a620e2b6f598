"""Mix plot: how many times the baseline jobs are that share the workers, and each of them alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nworkers.cli.plots import breakeven_mark
from nworkers.cli.plots.label_places import Key, Label, settle
from nworkers.cli.plots.style import (
    BLUE,
    INK,
    LARGE,
    ORANGE,
    STYLE,
    Size,
    headed,
    looks,
    name,
    sheet,
    times_axis,
    worker_axis,
)
from nworkers.cli.shown import format as fmt
from nworkers.cli.shown.mix_text import headline_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.simulator.decide.job_mix import JobMix


def mix_plot(found: JobMix, size: Size = LARGE) -> Figure:
    """The mix over numbers of workers with its interval, and a thin line for each job."""
    shares = ", ".join(
        f"{name(job)} {fmt.percent(weight)}" for job, weight in found.weights.items()
    )
    finding, rest = headed(headline_of(found))
    figure = sheet(size, finding, [*rest, f"samples: {shares}"])
    with rc_context(STYLE):
        axes = figure.add_subplot()
        handles = _draw(axes, found)
        worker_axis(axes, [row.workers for row in found.rows])
        labels = list(_labels(axes, found))
    return settle(figure, labels, Key(axes, handles, []))


def _draw(axes: Axes, found: JobMix) -> list[Line2D | Patch]:
    workers = [row.workers for row in found.rows]
    low, high = zip(*(row.speedup_interval for row in found.rows), strict=True)
    own = {job: [row.of[job].speedup for row in found.rows] for job in found.jobs}
    all_own = [speedup for speedups in own.values() for speedup in speedups]
    axes.fill_between(workers, low, high, color=BLUE, alpha=0.18, lw=0)
    (look,) = looks(1, len(workers))
    axes.plot(workers, [row.speedup for row in found.rows], **look)
    handles: list[Line2D | Patch] = [
        Line2D([], [], label="the mix", **look),
        Patch(color=BLUE, alpha=0.18, lw=0, label="90 % interval"),
    ]
    for (job, speedups), of_job in zip(own.items(), looks(len(own), len(workers), 1), strict=True):
        of_job |= {"lw": 1.4, "marker": ""}
        axes.plot(workers, speedups, **of_job)
        handles.append(Line2D([], [], label=name(job), **of_job))
    axes.axhline(1.0, color=INK, lw=1.0)
    if found.target_speedup != 1.0:
        axes.axhline(found.target_speedup, color=ORANGE, lw=1.0, ls=":")
    bottom = 0.75 * min(1.0, *low, *all_own)
    top = 1.5 * max(1.0, found.target_speedup, *high, *all_own)
    times_axis(axes, bottom, top, "times the baseline")
    return handles


def _labels(axes: Axes, found: JobMix) -> Iterator[Label]:
    first, last = found.breakeven_workers, found.rows[-1].workers
    yield from breakeven_mark.mark(
        axes, None if first is None else (first, found.decisive.speedup),
        found.breakeven_workers_interval, last, found.max_workers,
    )  # fmt: skip
    yield Label(axes, (last, 1.0), "the baseline = 1×", INK, is_level=True)
    if found.target_speedup != 1.0:
        said = f"target {fmt.times(found.target_speedup)}"
        yield Label(axes, (last, found.target_speedup), said, ORANGE, is_level=True)
