"""Where nothing was compiled, a little more chance is left, and far fewer draws are run."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
sys.modules["nworkers.simulator.engine.compiled.kernel"] = None
from nworkers.models.records.job_request import JobRequest
from nworkers.simulator.study.predict import predict
from nworkers.simulator.study.resolve import resolve
job = resolve(JobRequest(), [4])
totals = []
found = predict(
    job.profile, *job.scenarios, progress=lambda done, total: totals.append(total)
)
print(max(totals), found.monte_carlo_error / found.step_time_s)
"""


def test_fewer_draws_are_run() -> None:
    told = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    draws, error = told.stdout.split()
    assert int(draws) < 50
    assert float(error) <= 0.02
