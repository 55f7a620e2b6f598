"""The job request that the shared options make."""

from __future__ import annotations

import math
import re
from typing import get_args

from nworkers.cli.asked.options import MAX_SEED, Options, integer, number
from nworkers.cli.asked.setting_options import settings
from nworkers.cli.asked.step_times import step_times
from nworkers.cli.asked.what_if_options import what_if
from nworkers.models.base.choices import Choice, choice
from nworkers.models.base.defaults import DEFAULT_PROFILE
from nworkers.models.base.errors import InputError
from nworkers.models.base.units import size_bytes
from nworkers.models.records.job_request import (
    MAX_CORES,
    MAX_SPREAD,
    PLACEMENTS,
    Addition,
    JobRequest,
)
from nworkers.models.records.profile import DeviceKind
from nworkers.models.records.runtimes import RUNTIMES, STRATEGIES
from nworkers.models.records.scenario import MAX_PS, MAX_WORKERS, PsPlacement, Scaling
from nworkers.models.records.workload import MAX_BATCH


def job_request(options: Options, *, ps: int | None = None) -> JobRequest:
    """What the options say, typed.

    Args:
        ps: the number of a cluster's parameter servers, in place of the option.

    Raises:
        InputError: an option is no number in its range, or none of its words.
    """
    return JobRequest(
        profile=DEFAULT_PROFILE if options.calibration is None else options.calibration,
        link=options.link,
        workload=options.workload,
        batch=integer("--batch", options.batch, 1, MAX_BATCH),
        strategy=choice("--strategy", options.strategy, STRATEGIES),
        runtime=_one_of("--runtime", options.runtime, RUNTIMES),
        scaling=choice("--scaling", options.scaling, get_args(Scaling)),
        ps=integer("--ps", options.ps, 1, MAX_PS) if ps is None else ps,
        placement=_one_of("--placement", options.placement, PLACEMENTS),
        hosts=_number("--hosts", options.hosts),
        workers_per_host=_number("--workers-per-host", options.workers_per_host),
        device=_one_of("--device", options.device, get_args(DeviceKind)),
        device_of=options.device_of,
        workers_per_gpu=_number("--workers-per-gpu", options.workers_per_gpu),
        ps_placement=_one_of("--ps-placement", options.ps_placement, get_args(PsPlacement)),
        what_if=what_if(options.what_if or ()),
        baseline=options.baseline,
        memory_bytes=_memory(options.memory),
        cores=_cores(options.cores),
        spread=_spread(options.spread),
        settings=settings(options.settings or ()),
        step_time=step_times(options.step_time or ()),
        add=_addition(options.add),
        seed=integer("--seed", options.seed, 0, MAX_SEED),
    )


def _addition(text: str | None) -> Addition | None:
    """``8:10x``, or ``8:`` and a profile's name or file.

    Raises:
        InputError
    """
    if text is None:
        return None
    count, separator, device = (part.strip() for part in text.partition(":"))
    if not (separator and device):
        raise InputError("add", repr(text), "N:DEVICE, such as 8:10x, 8:h100 or 8:other.json")
    factor = re.fullmatch(r"([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)x?", device)
    return Addition(integer("add", count, 1, MAX_WORKERS), float(factor[1]) if factor else device)


def _memory(text: str | None) -> float | None:
    """Raises: InputError unless it is a size with its unit."""
    found = None if text is None else size_bytes(text)
    if text is not None and (found is None or not text.strip()[-1:].isalpha()):
        raise InputError("memory_bytes", repr(text), "a size with its unit, such as 16GB or 64GiB")
    return found


def _cores(text: str | None) -> float | None:
    return None if text is None else number("cores", text, 0.01, MAX_CORES)


def _spread(text: str | None) -> float | None:
    """A share: ``3%``, ``3 %`` or ``0.03``.

    Raises:
        InputError
    """
    if text is None:
        return None
    share, percent, rest = text.strip().partition("%")
    try:
        found = float(share) * (0.01 if percent else 1.0)
    except ValueError:
        found = math.nan
    if rest or not 0.0 <= found <= MAX_SPREAD:
        raise InputError("spread", repr(text), f"a share such as 3%, up to {MAX_SPREAD:.0%}")
    return found


def _one_of(option: str, text: str | None, allowed: tuple[Choice, ...]) -> Choice | None:
    return None if text is None else choice(option, text, allowed)


def _number(option: str, text: str | None) -> int | None:
    return None if text is None else integer(option, text, 1, MAX_WORKERS)
