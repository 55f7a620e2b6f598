"""Added workers: beside those that are owned, on devices of another kind."""

from __future__ import annotations

from dataclasses import dataclass

from nworkers.models.records.profile import Profile


@dataclass(frozen=True)
class AddedWorkers:
    """All workers after the first ``owned``: up to ``most`` of them, as ``name`` says.

    They compute ``factor`` times as fast as those that are owned; else their hosts are those of
    ``profile``. So many ``workers_per_gpu`` share each of their GPUs, if they have any.
    """

    owned: int
    most: int
    name: str
    factor: float = 1.0
    profile: Profile | None = None
    workers_per_gpu: int | None = None
