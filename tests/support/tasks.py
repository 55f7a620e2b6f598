"""Tasks on this machine, as tests start them and look after them."""

from __future__ import annotations

from pathlib import Path

from nworkers.calibrate.campaigns.campaign import CampaignProgress
from nworkers.calibrate.training.runtime import SESSION
from nworkers.calibrate.training.tasks import TaskAddress, TaskAddresses, TaskGroup


def here(*, ps: int = 0, workers: int = 0) -> TaskAddresses:
    """Addresses of so many tasks."""
    return TaskAddresses((TaskAddress(),) * ps, (TaskAddress(),) * workers, TaskAddress())


def servers(*, ps: int = 0, workers: int = 0) -> tuple[TaskGroup, ...]:
    """So many ps and workers, each with a server for sessions."""
    return SESSION.groups(here(ps=ps, workers=workers), ())


def quiet(_: CampaignProgress) -> None:
    """No news of a campaign is wanted."""


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
