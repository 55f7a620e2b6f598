"""How many workers does it take before distributed training beats one process?

What is public is in ``__all__`` and in docs/api.md. Importing this package imports none of it: a
name is loaded when it is first used.
"""

from __future__ import annotations

__version__ = "0.1.0"

# For checkers alone: a command imports this first, and importing typing takes longer than the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.session import CalibrationRequest, measure
    from nworkers.calibrate.tensorflow.recorders import keras_recorder, session_recorder
    from nworkers.models.base.errors import HardwareError, InputError
    from nworkers.models.files.store import load
    from nworkers.models.fitting.fit import fit_profile as fit
    from nworkers.models.records.aim import Aim
    from nworkers.models.records.calibration import Calibration
    from nworkers.models.records.explained import Elasticity, Explained, Freed
    from nworkers.models.records.job_request import Addition, JobRequest
    from nworkers.models.records.measurement import Measurement
    from nworkers.models.records.prediction import BreakEven, Prediction
    from nworkers.models.records.profile import Profile
    from nworkers.models.records.scenario import Scenario
    from nworkers.models.records.setting import Setting
    from nworkers.models.records.solved import Solved
    from nworkers.models.records.what_if import WhatIf
    from nworkers.models.records.workload import StepSeconds, Workload
    from nworkers.simulator.decide.explain import explain
    from nworkers.simulator.decide.job_mix import JobMix, WeightedJob, job_mix
    from nworkers.simulator.decide.job_options import JobOption, OptionCost, OptionFound, compare
    from nworkers.simulator.decide.money import Assignment, CostCurve, Prices, cost_curve
    from nworkers.simulator.decide.next_measurement import NextMeasurement, next_measurement
    from nworkers.simulator.decide.solve import solve
    from nworkers.simulator.study.ask import breakeven, predict

__all__ = [
    "Addition",
    "Aim",
    "Assignment",
    "BreakEven",
    "Calibration",
    "CalibrationRequest",
    "CostCurve",
    "Elasticity",
    "Explained",
    "Freed",
    "HardwareError",
    "InputError",
    "JobMix",
    "JobOption",
    "JobRequest",
    "Measurement",
    "NextMeasurement",
    "OptionCost",
    "OptionFound",
    "Prediction",
    "Prices",
    "Profile",
    "Scenario",
    "Setting",
    "Solved",
    "StepSeconds",
    "WeightedJob",
    "WhatIf",
    "Workload",
    "breakeven",
    "compare",
    "cost_curve",
    "explain",
    "fit",
    "job_mix",
    "keras_recorder",
    "load",
    "measure",
    "next_measurement",
    "predict",
    "session_recorder",
    "solve",
]

#: The module of each, and what it is called there.
_HOMES = {
    "Addition": "models.records.job_request",
    "Aim": "models.records.aim",
    "Assignment": "simulator.decide.money",
    "CostCurve": "simulator.decide.money",
    "Prices": "simulator.decide.money",
    "cost_curve": "simulator.decide.money",
    "JobOption": "simulator.decide.job_options",
    "OptionCost": "simulator.decide.job_options",
    "OptionFound": "simulator.decide.job_options",
    "compare": "simulator.decide.job_options",
    "BreakEven": "models.records.prediction",
    "Calibration": "models.records.calibration",
    "CalibrationRequest": "calibrate.campaigns.session",
    "Elasticity": "models.records.explained",
    "Explained": "models.records.explained",
    "Freed": "models.records.explained",
    "HardwareError": "models.base.errors",
    "InputError": "models.base.errors",
    "JobMix": "simulator.decide.job_mix",
    "JobRequest": "models.records.job_request",
    "Measurement": "models.records.measurement",
    "NextMeasurement": "simulator.decide.next_measurement",
    "Prediction": "models.records.prediction",
    "Profile": "models.records.profile",
    "Scenario": "models.records.scenario",
    "Setting": "models.records.setting",
    "Solved": "models.records.solved",
    "StepSeconds": "models.records.workload",
    "WeightedJob": "simulator.decide.job_mix",
    "WhatIf": "models.records.what_if",
    "Workload": "models.records.workload",
    "breakeven": "simulator.study.ask",
    "explain": "simulator.decide.explain",
    "fit": "models.fitting.fit:fit_profile",
    "job_mix": "simulator.decide.job_mix",
    "keras_recorder": "calibrate.tensorflow.recorders",
    "load": "models.files.store",
    "measure": "calibrate.campaigns.session",
    "next_measurement": "simulator.decide.next_measurement",
    "predict": "simulator.study.ask",
    "solve": "simulator.decide.solve",
    "session_recorder": "calibrate.tensorflow.recorders",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 (as above)

    home, _, renamed = _HOMES[name].partition(":")
    return getattr(import_module(f"{__name__}.{home}"), renamed or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
