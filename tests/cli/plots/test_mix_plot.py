"""The mix's picture: nothing of it is hidden, however many jobs there are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nworkers.cli.plots.mix_plot import mix_plot
from nworkers.cli.plots.style import LARGE, SMALL, Size
from nworkers.models.records.aim import Aim
from nworkers.models.records.job_request import JobRequest
from nworkers.simulator.decide.job_mix import WeightedJob, job_mix
from tests.support.pictures import faults

JOB = JobRequest(workload="resnet-50", batch=64, scaling="weak")


@pytest.mark.parametrize(("jobs", "most", "aim"), [(1, 1, 1.0), (2, 4, 1.5), (9, 2, 1.0)])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_nothing_is_hidden(jobs: int, most: int, aim: float, size: Size) -> None:
    asked = [WeightedJob(f"job {k}", replace(JOB, batch=8 * k), k) for k in range(1, jobs + 1)]
    figure = mix_plot(job_mix(asked, most, aim=Aim(aim)), size)
    assert not faults(figure)
    words = " ".join(text.get_text() for text in figure.texts)
    assert all(f"job {k}" in words for k in range(1, jobs + 1))
