"""The engines there are, by name; each gives the same run of the same specification."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nworkers.simulator.engine.base import Engine, Run, stacked
from nworkers.simulator.step.run_spec import RunSpec

try:
    from nworkers.simulator.engine.compiled import kernel as _kernel
except ImportError:
    _kernel = None  # type: ignore[assignment]


def events(spec: RunSpec) -> Run:
    """By simpy: what defines a run, and what is left where nothing could be compiled."""
    # What the other engine runs needs no simpy.
    from nworkers.simulator.engine.events.training import train  # noqa: PLC0415

    if spec.runs is None:
        return train(spec)
    return stacked([train(spec.of_runs(k)) for k in range(spec.runs)])


def compiled(spec: RunSpec) -> Run:
    """By the kernel, where it has numbers for all that the run has."""
    from nworkers.simulator.engine.compiled.columns import fits  # noqa: PLC0415
    from nworkers.simulator.engine.compiled.kernel_run import train  # noqa: PLC0415

    return train(spec) if fits(spec) else events(spec)


def lets_others_run(engine: Engine) -> bool:
    """Whether runs of this engine go on beside each other in threads."""
    return engine is compiled


#: Whether the kernel was built when the package was installed.
IS_COMPILED = _kernel is not None
ENGINES: Mapping[str, Engine] = MappingProxyType(
    {"events": events} | ({"compiled": compiled} if IS_COMPILED else {})
)
#: What a study trains with unless it is told otherwise.
DEFAULT: Engine = compiled if IS_COMPILED else events
