"""Jobs of a resource as events, for processes that wait for them."""

from __future__ import annotations

import simpy

from nworkers.simulator.engine.events.resources import Resource


def submitted(env: simpy.Environment, resource: Resource, work: float, rate: float) -> simpy.Event:
    """Fires at the end of the job."""
    done = env.event()

    def end() -> None:
        done.succeed()

    resource.submit(work, rate, end)
    return done
