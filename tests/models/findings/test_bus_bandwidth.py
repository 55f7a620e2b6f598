"""All-reduces as a calibration tells them."""

from __future__ import annotations

import pytest

from nworkers.models.findings.bus_bandwidth import reductions
from nworkers.models.records.calibration import Burst, Cell


def test_measured_all_reduces_are_told_by_the_median_of_their_rounds() -> None:
    cell = Cell("allreduce", "collective", 600, workers=3)
    rounds = [(1.0, 2.0, 3.0), (4.0, 4.0, 4.0), (9.0, 9.0, 9.0)]
    bursts = [Burst(cell, k, 0, 0.1, (), taken, (), "count") for k, taken in enumerate(rounds)]
    bursts.append(Burst(cell, 0, 1, 0.1, (), (100.0,), (), "count"))
    (found,) = reductions(bursts)
    assert (found.path, found.workers, found.seconds) == ("collective", 3, 4.0)
    assert found.algorithm_bandwidth_bytes_per_s == 150.0
    assert found.bus_bandwidth_bytes_per_s == pytest.approx(200.0)


def test_all_reduces_of_processors_and_of_gpus_are_told_apart() -> None:
    cells = [Cell("allreduce", "collective", 600, workers=2, device=d) for d in ("", "gpu")]
    bursts = [Burst(c, 0, 0, 0.1, (), (1.0 + k,), (), "count") for k, c in enumerate(cells)]
    assert [(r.device, r.seconds) for r in reductions(bursts)] == [("", 1.0), ("gpu", 2.0)]
