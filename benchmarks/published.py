"""Published tables: how often the rows beyond the fitted ones lie within their intervals.

``python -m benchmarks.published`` fits every split of docs/scaling-tables.md by what the other
systems' tables say of rows, and writes its figures there. No TensorFlow, any machine; half an hour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import t

from benchmarks.page import Page, table
from nworkers.models.files.store import shipped_profile
from nworkers.models.records.profile import Profile
from nworkers.models.records.scenario import Scenario
from nworkers.models.tables.throughput.published import SPLITS, Split
from nworkers.models.tables.throughput.row_spread import PUBLISHED_PRIOR, RowPrior
from nworkers.models.tables.throughput.throughput_answer import (
    ThroughputAnswer,
    ThroughputRequest,
    fit_rows,
    throughput_answer,
)
from nworkers.simulator.study.steady import steady_step_s
from tests.support.coverage import p_values

PAGE = Page("scaling-tables", "# From throughput alone\n")
TITLE = "Coverage"
BASE = "emulated-1gbit"
_TENSORFLOW = SPLITS[0]
JUDGED = (
    *(replace(_TENSORFLOW, fit_to=most) for most in (8, 16, 32)),
    SPLITS[1],
    *SPLITS[2:],
)
#: What a system's rows are judged by: from the two other systems' (`left_out`); Piz Daint's
#: doubling is told by its fits up to 4 and 8 workers alone.
OTHERS = {
    "p2.8xlarge-K80": RowPrior(row=0.017, doubling=0.041),
    "DGX-1-P100": RowPrior(row=0.029, doubling=0.041),
    "Piz-Daint-P100": RowPrior(row=0.019, doubling=0.029),
}
#: The judgement that all of scale's predictions beyond the measured workers began with; it counts
#: as one system.
STATED_DOUBLING = 0.05


@dataclass(frozen=True)
class Row:
    """A row beyond the fitted ones; its error and its interval's ends are logarithms.

    Rows of one ``series`` may miss together.
    """

    system: str
    fit_to: int
    series: str
    doublings: float
    error: float
    low: float
    high: float

    @property
    def held(self) -> bool:
        return self.low <= self.error <= self.high

    @property
    def score(self) -> float:
        """Of a 90 % interval: its width, and twenty times what it misses by (Gneiting and Raftery,
        *J. Am. Stat. Assoc.* 102, 2007)."""
        missed = max(0.0, self.low - self.error, self.error - self.high)
        return self.high - self.low + 20.0 * missed


def judged(split: Split, prior: RowPrior) -> tuple[ThroughputAnswer, list[Row]]:
    """The answer to a split, and its rows beyond."""
    known: dict[tuple[str, str], float] = {}

    def predict(profile: Profile, scenario: Scenario) -> float:
        key = repr(profile), repr(scenario)
        if key not in known:
            known[key] = steady_step_s(profile, scenario)
        return known[key]

    request = ThroughputRequest(
        split.path, shipped_profile(BASE), system=split.system, fit_to=split.fit_to, prior=prior
    )
    rows = fit_rows(request, predict, lambda _, __: None)
    answer = throughput_answer(rows, predict, lambda _, __: None)
    most = max(c.row.workers for c in answer.inside)
    found = []
    for c in answer.outside:
        ours = c.samples_per_s["scale"]
        if ours is not None and c.interval is not None:
            low, high = (math.log(end / ours) for end in c.interval)
            found.append(
                Row(
                    split.system,
                    split.fit_to,
                    f"{split.system} {c.row.model} {c.row.batch_per_worker}",
                    math.log2(c.row.workers / most),
                    math.log(c.row.samples_per_s / ours),
                    low,
                    high,
                )
            )
    return answer, found


def growth(rows: Sequence[Row], prior: RowPrior) -> float:
    """The deviation for each doubling that makes a system's misses most likely.

    Beside what their intervals hold already. By Student's distribution of three degrees of freedom,
    so that one row does not decide it.
    """
    errors = np.array([of.error for of in rows])
    doublings = np.array([of.doublings for of in rows])
    held = np.array([(of.high - of.low) / 3.29 for of in rows])
    own = np.maximum(held**2 - (prior.doubling * doublings) ** 2, 1e-6)

    def unlikely(each: float) -> float:
        deviation = np.sqrt(own + (each * doublings) ** 2)
        return -float(np.sum(t.logpdf(errors / deviation, 3) - np.log(deviation)))

    return float(minimize_scalar(unlikely, bounds=(0.0, 1.0), method="bounded").x)


def main() -> None:
    rows: list[Row] = []
    lines = []
    deviations: dict[str, float] = {}
    for split in JUDGED:
        answer, found = judged(split, OTHERS[split.system])
        residuals = answer.fitted.log_residuals
        freedom = residuals.size - int(np.count_nonzero(answer.fitted.x))
        deviations[split.system] = math.sqrt(float(residuals @ residuals) / max(1, freedom))
        rows += found
        lines.append([split.system, str(split.fit_to), *_figures(found)])
        print(*lines[-1], sep="  ", flush=True)
    lines.append(["all", "", *_figures(rows)])
    series = [[r.held for r in rows if r.series == name] for name in {r.series for r in rows}]
    few, many = p_values(series)
    grown = {name: growth([r for r in rows if r.system == name], OTHERS[name]) for name in OTHERS}
    text = "\n\n".join(
        [
            INTRODUCTION,
            table(["system", "fitted up to", "held", "median half-width", "interval score"], lines),
            f"So few would hold with a chance of {100 * few:.0f} % were 90 % true, and so many "
            f"with one of {100 * many:.0f} %; rows of one series count as they miss together.",
            "Rows of "
            + ", ".join(
                f"{name} deviate by {100 * deviations[name]:.1f} % where they are fitted and by "
                f"{100 * grown[name]:.1f} % more for each doubling beyond"
                for name in OTHERS
            )
            + ".",
        ]
    )
    data = {
        "rows": [vars(row) | {"held": row.held, "score": row.score} for row in rows],
        "row": deviations,
        "doubling": grown,
        "few": few,
        "many": many,
        "left_out": {name: vars(left_out(deviations, grown, name)) for name in OTHERS},
        "all": vars(left_out(deviations, grown, None)),
    }
    PAGE.publish("coverage", TITLE, text, data)
    print(data["left_out"], data["all"], PUBLISHED_PRIOR)


def left_out(row: dict[str, float], doubling: dict[str, float], name: str | None) -> RowPrior:
    """The prior from all systems but one: mean logarithms of rows' variances, and mean variances of
    doublings, the stated one among them."""
    logs = [math.log(value) for system, value in row.items() if system != name]
    squares = [value**2 for system, value in doubling.items() if system != name]
    return RowPrior(
        math.exp(float(np.mean(logs))), math.sqrt(float(np.mean([*squares, STATED_DOUBLING**2])))
    )


def _figures(rows: Sequence[Row]) -> list[str]:
    held = sum(row.held for row in rows)
    return [
        f"{held} of {len(rows)}",
        f"{100 * np.median([(row.high - row.low) / 2 for row in rows]):.1f} %",
        f"{np.mean([row.score for row in rows]):.2f}",
    ]


INTRODUCTION = (
    "Rows beyond the fitted ones within their 90 % interval. Each system is judged by what the "
    "other two systems' tables say of rows, not by its own. The half-width is in the logarithm. "
    "The score is the interval's width there, and twenty times what it misses by (Gneiting and "
    "Raftery, *J. Am. Stat. Assoc.* 102, 2007)."
)

if __name__ == "__main__":
    main()
