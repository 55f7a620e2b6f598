"""Intervals of tables are no narrower than what the fitted rows are off by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nworkers.models.files.shipped import shipped_profile
from nworkers.models.tables.throughput.row_spread import (
    PRIOR_FREEDOM,
    PUBLISHED_PRIOR,
    RowSpread,
)
from nworkers.models.tables.throughput.throughput_answer import (
    ThroughputAnswer,
    ThroughputRequest,
    fit_rows,
    throughput_answer,
)
from nworkers.simulator.study.steady import steady_step_s

#: Two workers are twice as fast as one, and more of them no faster: no cost of a system is like it.
MISFIT = """system,model,strategy,batch_per_worker,workers,ps,samples_per_s
some-cpus,inception-v3,ps-sync,32,1,1,22.3
some-cpus,inception-v3,ps-sync,32,2,1,45.1
some-cpus,inception-v3,ps-sync,32,4,1,46.6
some-cpus,inception-v3,ps-sync,32,8,1,48.0
"""


def answered(text: str, folder: Path, fit_to: int | None) -> ThroughputAnswer:
    file = folder / "table.csv"
    file.write_text(text)
    request = ThroughputRequest(file, shipped_profile("loopback-2core"), fit_to=fit_to)
    rows = fit_rows(request, steady_step_s, lambda _, __: None)
    return throughput_answer(rows, steady_step_s, lambda _, __: None)


def test_rows_that_miss_widen_what_lies_beyond(tmp_path: Path) -> None:
    """The fitted rows are off by 9 to 17 %; eight workers were 62.2 (60.8 to 64.0), measured 48."""
    answer = answered(MISFIT, tmp_path, 4)
    (beyond,) = answer.outside
    assert beyond.interval is not None
    low, high = beyond.interval
    assert low <= 48.0 <= high
    worst = max(abs(c.error("scale") or 0.0) for c in answer.inside)
    predicted = beyond.samples_per_s["scale"]
    assert predicted is not None
    assert worst > 0.15
    assert low < predicted * (1.0 - worst)
    assert high > predicted * (1.0 + worst)
    assert any("fitted rows themselves are off by 9 to 17 %" in note for note in answer.notes)


def test_rows_that_fit_are_not_said_to_miss(tmp_path: Path) -> None:
    even = "\n".join(MISFIT.splitlines()[:2]) + (
        "\nsome-cpus,inception-v3,ps-sync,32,2,1,43.9\nsome-cpus,inception-v3,ps-sync,32,4,2,86.5\n"
    )
    assert not any("themselves are off" in note for note in answered(even, tmp_path, None).notes)


ONE_NODE = """model,strategy,batch_per_worker,workers,gpus_per_node,samples_per_s
resnet-50,allreduce,64,1,4,300
resnet-50,allreduce,64,2,4,590
resnet-50,allreduce,64,4,4,1150
"""


def test_rows_of_one_node_are_said_to_tell_nothing_of_the_network(tmp_path: Path) -> None:
    network = "nothing of the network between nodes"
    assert any(network in note for note in answered(ONE_NODE, tmp_path, None).notes)
    two = ONE_NODE + "resnet-50,allreduce,64,8,4,2200\n"
    assert not any(network in note for note in answered(two, tmp_path, None).notes)
    apart = ONE_NODE.replace(",4,300", ",1,300").replace(",4,590", ",1,590")
    two_nodes = apart[: apart.rindex("resnet")]
    assert not any(network in note for note in answered(two_nodes, tmp_path, None).notes)


def test_as_many_rows_as_unknowns_have_the_priors_spread() -> None:
    spread = RowSpread.of(np.zeros(3), 3, PUBLISHED_PRIOR)
    assert spread.likely == pytest.approx(PUBLISHED_PRIOR.row)
    # Student's t of three degrees of freedom: 2.35 for 1.645.
    assert spread.predictive == pytest.approx(PUBLISHED_PRIOR.row * 2.353 / 1.645, rel=0.01)


def test_many_rows_have_their_own_spread() -> None:
    residuals = np.random.default_rng(1).normal(0.0, 0.08, 400)
    spread = RowSpread.of(residuals, 5, PUBLISHED_PRIOR)
    assert spread.predictive == pytest.approx(0.08, rel=0.1)
    assert PRIOR_FREEDOM < 5


@pytest.mark.parametrize("unknowns", [1, 2, 3, 5])
def test_no_interval_is_narrower_than_the_fitted_rows_misses(unknowns: int) -> None:
    residuals = np.array([0.2, -0.1, -0.1, 0.0])
    spread = RowSpread.of(residuals, unknowns, PUBLISHED_PRIOR)
    assert 1.645 * spread.predictive >= spread.missed - 1e-12 == 0.2 - 1e-12
