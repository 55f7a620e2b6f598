"""Settings: the quantities of a profile that may be set, and the profile in which some are."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from nworkers.models.base.errors import InputError
from nworkers.models.base.leaves import mapped
from nworkers.models.findings.for_information import for_information
from nworkers.models.records.job_request import MAX_CORES, MAX_SPREAD, MIN_MEMORY_BYTES, JobRequest
from nworkers.models.records.profile import (
    CORES,
    MEMORY,
    PARAMETERS,
    SPREAD,
    Identified,
    Parameter,
    Profile,
    parameters,
    scaled,
    value_at,
)
from nworkers.models.records.setting import Changed, Settable, Setting
from nworkers.simulator.step.noise import spread_of, with_spread

_SHARED = "link.shared_bandwidth_bytes_per_s"
_FLOW = r"link\.{}\.(segments\[\d+\]\.)?bandwidth_bytes_per_s"
#: Fits of the two differ by as much.
_LESS = 0.8
#: What a parameter may be, by what its unit is of: a number beyond is a slip of the unit.
_LIMITS = {"s": (1e-30, 1e6), "bytes": (1.0, 1e18), "flop": (1.0, 1e24)}


@dataclass(frozen=True)
class _Number:
    """A plain number of a profile, how it is read and put, and what it may be."""

    unit: str
    low: float
    high: float
    allowed: str
    read: Callable[[Profile], float | None]
    put: Callable[[Profile, float], Profile]
    field: str | None = None


def _host(name: str) -> Callable[[Profile, float], Profile]:
    def put(profile: Profile, value: float) -> Profile:
        changed: Any = {name: value}
        return replace(profile, host=replace(profile.host, **changed))

    return put


_NUMBERS: Mapping[str, _Number] = MappingProxyType(
    {
        CORES: _Number(
            "",
            1e-9,
            MAX_CORES,
            f"above 0, up to {MAX_CORES}",
            lambda profile: profile.host.cores,
            _host("cores"),
            "cores",
        ),
        MEMORY: _Number(
            "bytes",
            MIN_MEMORY_BYTES,
            1e18,
            f"bytes of a host, from {MIN_MEMORY_BYTES:.0e}",
            lambda profile: profile.host.memory_bytes,
            _host("memory_bytes"),
            "memory_bytes",
        ),
        SPREAD: _Number(
            "",
            0.0,
            MAX_SPREAD,
            f"from 0 to {MAX_SPREAD:g}",
            lambda profile: spread_of(profile.noise),
            lambda profile, value: replace(profile, noise=with_spread(profile.noise, value)),
            "spread",
        ),
        "host.os_overhead_share": _Number(
            "",
            0.0,
            10.0,
            "from 0 to 10",
            lambda profile: profile.host.os_overhead_share,
            _host("os_overhead_share"),
        ),
        "host.usable_share": _Number(
            "",
            1e-3,
            1.0,
            "from 0.001 to 1",
            lambda profile: profile.host.usable_share,
            _host("usable_share"),
        ),
        "host.compute_under_load": _Number(
            "",
            1.0,
            100.0,
            "from 1 to 100",
            lambda profile: profile.host.compute_under_load,
            _host("compute_under_load"),
        ),
    }
)


def settables(profile: Profile) -> tuple[Settable, ...]:
    """Everything that may be set, of a profile as its workers see it."""
    found = [_settable(path, parameter) for path, parameter in _read(profile).items()]
    plain = [Settable(path, number.unit, number.read(profile)) for path, number in _NUMBERS.items()]
    return (*plain, *found)


def fields_of(request: JobRequest) -> dict[str, str]:
    """The quantities that a request sets by a field of its own, each with that field."""
    fields = {path: number.field for path, number in _NUMBERS.items()}
    return {
        path: field
        for path, field in fields.items()
        if field is not None and getattr(request, field) is not None
    }


def settings_of(request: JobRequest) -> tuple[Setting, ...]:
    """All that a request sets, whether by a field of its own or by path.

    Raises:
        InputError: a quantity is set twice.
    """
    said = [
        Setting(path, value=getattr(request, field)) for path, field in fields_of(request).items()
    ]
    paths = {setting.path for setting in said}
    for setting in request.settings:
        if setting.path in paths:
            raise InputError("settings", setting.said, f"{setting.path} once")
        paths.add(setting.path)
    return (*said, *request.settings)


def with_settings(
    profile: Profile, settings: Sequence[Setting], fields: Mapping[str, str] = MappingProxyType({})
) -> tuple[Profile, tuple[Changed, ...]]:
    """The profile with its quantities set, and what that changed.

    A value holds in every joint draw; a factor scales each, so that draws stay joint.

    Args:
        fields: of quantities that were said by a name of their own, that name.

    Raises:
        InputError: there is no such quantity, or it cannot be so.
    """
    if not settings:
        return profile, ()
    known = _read(profile)
    # Each a record of its own, so that it is found again by its identity.
    fresh: Profile = mapped(profile, PARAMETERS, lambda parameter: replace(parameter))
    path_of = {id(parameter): path for path, parameter in parameters(fresh)}
    exchanged: dict[str, Parameter] = {}
    changed = []
    for setting in settings:
        number, parameter = _NUMBERS.get(setting.path), known.get(setting.path)
        if number is not None:
            fresh, change = _put(fresh, setting, number, fields.get(setting.path))
        elif parameter is not None:
            exchanged[setting.path], change = _exchanged(setting, parameter, profile.draws)
        else:
            raise _unknown(profile, setting)
        changed.append(change)
    if exchanged:
        fresh = mapped(fresh, PARAMETERS, lambda old: exchanged.get(path_of.get(id(old), ""), old))
    for setting in settings:
        if setting.path == _SHARED:
            _check_shared(fresh, setting)
    stated = dict.fromkeys((*profile.stated, *(change.path for change in changed)))
    named = _name(profile.name, [change for change in changed if change.is_other])
    return replace(fresh, name=named, stated=tuple(stated)), tuple(changed)


def _check_shared(profile: Profile, setting: Setting) -> None:
    """Refuse a link that carries less than one flow on it: a run takes the larger of the two.

    Raises:
        InputError
    """
    found = dict(parameters(profile.link, "link"))
    shared = value_at(found[_SHARED], None)
    for way in ("fetch", "push"):
        rates = [path for path in found if re.fullmatch(_FLOW.format(way), path)]
        # Of the largest tensors: what smaller ones have is often the buffers', not the link's.
        flow = value_at(found[rates[-1]], None)
        if shared < _LESS * flow:
            raise InputError(
                "settings",
                setting.said,
                f"no less than one flow has of it, {flow:.3g} bytes/s: set {rates[-1]} too, or "
                "take another <link>",
            )


def _read(profile: Profile) -> dict[str, Parameter]:
    """The parameters that predictions read; where workers have a GPU, its are in their places."""
    return {
        path: parameter
        for path, parameter in parameters(profile)
        if not path.startswith("gpu.") and for_information(profile, path) is None
    }


def _settable(path: str, parameter: Parameter) -> Settable:
    if isinstance(parameter, Identified):
        return Settable(
            path, parameter.unit, parameter.estimate, parameter.interval, parameter.samples
        )
    return Settable(path, parameter.unit, None, None, parameter.samples)


def _put(
    profile: Profile, setting: Setting, number: _Number, field: str | None
) -> tuple[Profile, Changed]:
    was = number.read(profile)
    value = _value(setting, was, number.low, number.high, number.allowed, field)
    change = Changed(setting.path, number.unit, value, was, setting.factor)
    return number.put(profile, value), change


def _exchanged(setting: Setting, parameter: Parameter, draws: int) -> tuple[Parameter, Changed]:
    unit = parameter.unit
    low, high = _LIMITS[unit.partition("/")[0]]
    allowed = f"a number of {unit} from {low:g} to {high:g}, or a factor of it"
    was = parameter.estimate if isinstance(parameter, Identified) else parameter.too_small_to_see
    value = _value(setting, was, low, high, allowed)
    known = was if isinstance(parameter, Identified) else None
    change = Changed(setting.path, unit, value, known, setting.factor)
    if setting.factor is not None:
        return scaled(parameter, setting.factor), change
    certain = Identified(value, (value, value), unit, parameter.samples, (value,) * draws)
    return certain, change


def _value(
    setting: Setting,
    was: float | None,
    low: float,
    high: float,
    allowed: str,
    field: str | None = None,
) -> float:
    """What it shall be.

    Raises:
        InputError: it is neither or both, or beyond what there is.
    """
    if (setting.value is None) == (setting.factor is None):
        allowed = "a number, a share such as 3%, or a factor such as 0.5x"
        raise InputError("settings", setting.path, allowed)
    if setting.value is not None:
        value = setting.value
    elif was is None:
        raise InputError("settings", setting.said, "a value, since it was not measured")
    else:
        assert setting.factor is not None
        if not 0.0 < setting.factor < math.inf:
            raise InputError("settings", setting.said, "a factor above 0")
        value = was * setting.factor
    if not low <= value <= high:
        raise InputError(field or "settings", value if field else setting.said, allowed)
    return value


def _unknown(profile: Profile, setting: Setting) -> InputError:
    """What is wrong with a path: nobody reads it, or there is none; with the nearest name."""
    path = setting.path
    reason = for_information(profile, path)
    if reason is not None and path in dict(parameters(profile)):
        return InputError("settings", path, f"what a prediction reads: {reason}")
    paths = [settable.path for settable in settables(profile)]
    near = get_close_matches(path, paths, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return InputError("settings", path, f"a quantity that <list_settings> names{hint}")


def _name(name: str, changed: Sequence[Changed]) -> str:
    if not changed:
        return name
    if len(changed) > 1:
        return f"{name} with {len(changed)} quantities set"
    return f"{name} with {changed[0].path} set"
