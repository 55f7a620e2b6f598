"""The engines there are, by name; each gives the same run of the same specification."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nworkers.simulator.engine.base import Engine
from nworkers.simulator.engine.events.training import train

ENGINES: Mapping[str, Engine] = MappingProxyType({"events": train})
#: What a study trains with unless it is told otherwise.
DEFAULT: Engine = ENGINES["events"]
