"""Mix plot: how many times the baseline jobs are that share the workers, and each of them alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nworkers.cli.plots.label_places import Key, Label, settle
from nworkers.cli.plots.style import (
    BLUE,
    INK,
    LARGE,
    ORANGE,
    SERIES,
    STYLE,
    Size,
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

_MARKED = 24
#: Jobs beyond as many as there are colours go round again, with other dashes.
_DASHES = ("--", ":", "-.")


def mix_plot(found: JobMix, size: Size = LARGE) -> Figure:
    """The mix over numbers of workers with its interval, and a thin line for each job."""
    shares = ", ".join(
        f"{name(job)} {fmt.percent(weight)}" for job, weight in found.weights.items()
    )
    figure = sheet(size, headline_of(found).removesuffix("."), [f"samples: {shares}"])
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
    look: dict[str, Any] = {
        "color": BLUE,
        "lw": 2.2,
        "marker": "o" if len(workers) <= _MARKED else "",
        "ms": 4.5,
    }
    axes.plot(workers, [row.speedup for row in found.rows], **look)
    handles: list[Line2D | Patch] = [
        Line2D([], [], label="the mix", **look),
        Patch(color=BLUE, alpha=0.18, lw=0, label="90 % interval"),
    ]
    for place, (job, speedups) in enumerate(own.items()):
        # The first colour is that of the mix.
        of_job: dict[str, Any] = {
            "color": SERIES[1 + place % (len(SERIES) - 1)].colour,
            "lw": 1.4,
            "ls": _DASHES[place // (len(SERIES) - 1) % len(_DASHES)],
        }
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
    if first is not None:
        at = (first, found.decisive.speedup)
        axes.plot(*([one] for one in at), "o", ms=9, mfc="white", mec=ORANGE, mew=2.2)
        yield Label(axes, at, f"break-even {first:,}", ORANGE, "bold")
    yield Label(axes, (last, 1.0), "the baseline = 1×", INK)
    if found.target_speedup != 1.0:
        said = f"target {fmt.times(found.target_speedup)}"
        yield Label(axes, (last, found.target_speedup), said, ORANGE)
