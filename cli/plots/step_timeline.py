"""Step timeline: what each worker does in some steps, on one clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nworkers.cli.plots.about import about
from nworkers.cli.plots.causes import KIND_OF, LOOKS, kinds
from nworkers.cli.plots.label_places import Key, settle
from nworkers.cli.plots.style import LARGE, STYLE, Size, sheet, short
from nworkers.cli.shown import format as fmt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nworkers.simulator.step.spans import Span
    from nworkers.simulator.study.resolve import ResolvedJob
    from nworkers.simulator.trace.observe import Observation

#: As many workers are readable, and steps of each.
_WORKERS, _STEPS = 12, 3
#: A kind of less than this share is a hair's breadth, and has no place in the key.
_SEEN = 0.003
#: Less of their time is hardly any.
_HARDLY = 0.01


def step_timeline(job: ResolvedJob, seen: Observation, size: Size = LARGE) -> Figure:
    """The last steps of the first workers, on one clock that begins with them."""
    workers = min(_WORKERS, seen.scenario.workers)
    begin_s, end_s = window(seen.spans)
    spans = [
        span
        for span in seen.spans
        if span.worker < workers and span.end_s > begin_s and span.start_s < end_s
    ]
    figure = sheet(
        size,
        finding(spans, workers, seen.scenario.workers, begin_s, end_s),
        about(job, seen.scenario),
        1.4 + 0.34 * workers,
    )
    with rc_context(STYLE):
        axes = figure.subplots()
        shown = _draw(axes, spans, begin_s)
        axes.set_xlim(0.0, end_s - begin_s)
        axes.set_ylim(workers - 0.5, -0.5)
        axes.set_yticks(range(workers), [f"worker {k}" for k in range(workers)])
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value, "s")))
        axes.set_xlabel("time")
    patches = [Patch(color=LOOKS[kind].colour, label=kind) for kind in LOOKS if kind in shown]
    return settle(figure, key=Key(axes, below=patches))


def window(spans: Sequence[Span]) -> tuple[float, float]:
    """From the begin of the first worker's last steps but one to their end."""
    steps = sorted({span.step for span in spans if span.worker == 0})
    kept = steps[-_STEPS - 1 : -1] or steps
    own = [span for span in spans if span.worker == 0 and span.step in kept]
    return min(span.start_s for span in own), max(span.end_s for span in own)


def finding(spans: Sequence[Span], workers: int, of: int, begin_s: float, end_s: float) -> str:
    """What these workers, of so many, do most in that time, and how much of it they compute."""
    seconds: dict[str, float] = defaultdict(float)
    for span in spans:
        if span.critical:
            for cause, start_s, stop_s in _parts(span):
                seconds[cause] += max(0.0, min(stop_s, end_s) - max(start_s, begin_s))
    shares = {kind: s / (workers * (end_s - begin_s)) for kind, s in kinds(seconds).items()}
    most = max(shares, key=shares.__getitem__)
    whose = "a worker's" if workers == 1 else f"{_counted(workers, of)} workers'"
    time = f"{whose} time is {most}: {fmt.percent(shares[most])}"
    share = shares["computing"]
    computing = fmt.percent(share) if share >= _HARDLY else f"less than {fmt.percent(_HARDLY)}"
    rest = "" if most == "computing" else f"; they compute for {computing}"
    if workers == 1:
        rest = rest.replace("they compute", "it computes")
    return f"Most of {time}{rest}"


def _counted(workers: int, of: int) -> str:
    return f"{workers}" if workers == of else f"{workers} of {of:,}"


def _parts(span: Span) -> Iterator[tuple[str, float, float]]:
    """What a span does, and then what it waits for."""
    waited_s = max(0.0, span.lasted_s - span.alone_s) if span.waited_for else 0.0
    yield span.phase, span.start_s, span.end_s - waited_s
    if waited_s and span.waited_for:
        yield span.waited_for, span.end_s - waited_s, span.end_s


def _draw(axes: Axes, spans: Sequence[Span], begin_s: float) -> set[str]:
    """A bar for all that a worker does; what runs beside its critical path is thin, above it."""
    spent_s: dict[str, float] = defaultdict(float)
    bars: dict[tuple[str, bool, int], list[tuple[float, float]]] = defaultdict(list)
    for span in spans:
        for cause, start_s, stop_s in _parts(span):
            kind = KIND_OF[cause]  # type: ignore[index]
            spent_s[kind] += stop_s - start_s
            bars[kind, span.critical, span.worker].append((start_s - begin_s, stop_s - start_s))
    for (kind, critical, worker), pieces in bars.items():
        at = (worker - 0.28, 0.66) if critical else (worker - 0.42, 0.12)
        axes.broken_barh(pieces, at, facecolors=LOOKS[kind].colour, linewidth=0)
    whole_s = sum(spent_s.values())
    return {kind for kind, seconds in spent_s.items() if seconds > _SEEN * whole_s}
