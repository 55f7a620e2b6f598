"""Groups of tasks on this machine, as tests start them."""

from __future__ import annotations

from nworkers.calibrate.training.runtime import SESSION
from nworkers.calibrate.training.tasks import TaskAddress, TaskAddresses, TaskGroup


def here(*, ps: int = 0, workers: int = 0) -> TaskAddresses:
    """Addresses of so many tasks."""
    return TaskAddresses((TaskAddress(),) * ps, (TaskAddress(),) * workers, TaskAddress())


def servers(*, ps: int = 0, workers: int = 0) -> tuple[TaskGroup, ...]:
    """So many ps and workers, each with a server for sessions."""
    return SESSION.groups(here(ps=ps, workers=workers), ())
