"""Question: the training job that the options describe, and the hardware it is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nworkers.cli.asked.options import DEFAULT_WORKLOAD, MAX_SEED, Options, choice, integer
from nworkers.cli.shown import console
from nworkers.models.base.errors import InputError
from nworkers.models.files.store import read_fitted, shipped_profile, shipped_profiles
from nworkers.models.files.workload_toml import read_workload
from nworkers.models.findings.sanity import doubts
from nworkers.models.records.profile import Profile, with_link
from nworkers.models.records.runtimes import RUNTIMES, RUNTIMES_OF, STRATEGIES
from nworkers.models.records.scenario import (
    MAX_WORKERS,
    PsPlacement,
    Scaling,
    Scenario,
    check_scenario,
)
from nworkers.models.records.what_if import variation
from nworkers.models.records.workload import MAX_BATCH, Workload

DEFAULT_PROFILE = "emulated-1gbit"


@dataclass(frozen=True)
class Question:
    """What a prediction is asked of; ``shipped`` names the profile if it is not the user's own."""

    profile: Profile
    scenario: Scenario
    baseline: str
    seed: int
    shipped: str | None


def ask(options: Options, workers: int, *, curve: bool = False) -> Question:
    """Read the files that the options name, and put the question together.

    With ``curve`` the answer is a curve over worker counts up to ``workers``; strong scaling ends
    it at one sample a worker.

    Raises:
        InputError: an option is wrong in itself, or contradicts another.
    """
    batch = integer("--batch", options.batch, 1, MAX_BATCH)
    strategy = choice("--strategy", options.strategy, STRATEGIES)
    scaling: Scaling = choice("--scaling", options.scaling, ("strong", "weak"))
    if curve and scaling == "strong":
        workers = min(workers, batch)
    runtime = RUNTIMES_OF[strategy][0]
    if options.runtime is not None:
        runtime = choice("--runtime", options.runtime, RUNTIMES)
    ps = integer("--ps", options.ps, 1, MAX_WORKERS)
    seed = integer("--seed", options.seed, 0, MAX_SEED)
    profile, calibrated, shipped = _profile(options)
    if options.link is not None:
        other, _ = named_profile("--link", options.link)
        for doubt in doubts(profile, other):
            console.note(doubt)
        profile = with_link(profile, other)
    per_host, ps_placement = _placement(options, profile, workers, curve=curve)
    scenario = Scenario(
        workload=_workload(options, profile, calibrated),
        workers=workers,
        strategy=strategy,
        runtime=runtime,
        scaling=scaling,
        batch=batch,
        ps=ps,
        workers_per_host=per_host,
        ps_placement=ps_placement,
        variation=variation(options.what_if or ()),
    )
    check_scenario(scenario)
    if profile.link.kind == "loopback" and scenario.hosts > 1:
        raise InputError(
            "--placement",
            f"tasks on {scenario.hosts} hosts, with a link that was measured inside one",
            "shared, or add --link NAME|FILE for the wire between hosts "
            f"(shipped: --link {DEFAULT_PROFILE})",
        )
    return Question(profile, scenario, options.baseline, seed, shipped)


def named_profile(option: str, name: str) -> tuple[Profile, Workload | None]:
    """A profile by its shipped name or from a file, with the calibrated workload where known.

    Raises:
        InputError
    """
    if name in shipped_profiles():
        return shipped_profile(name), None
    path = Path(name)
    if not path.exists() and not path.suffix:
        names = ", ".join((*shipped_profiles(), "a calibration or profile file"))
        raise InputError(option, name, names)
    return read_fitted(path)


def _profile(options: Options) -> tuple[Profile, Workload | None, str | None]:
    """The profile, the calibrated workload, and the profile's name if it is a shipped one."""
    name = DEFAULT_PROFILE if options.calibration is None else options.calibration
    profile, workload = named_profile("--calibration", name)
    return profile, workload, name if name in shipped_profiles() else None


def _workload(options: Options, profile: Profile, calibrated: Workload | None) -> Workload:
    if options.workload is not None:
        return read_workload(options.workload)
    if calibrated is not None:
        return calibrated
    try:
        return read_workload(profile.workload or DEFAULT_WORKLOAD)
    except InputError:
        raise InputError(
            "--workload",
            f"none, and the profile was measured with {profile.workload!r}",
            "the TOML file of that workload, or another workload",
        ) from None


def _placement(
    options: Options, profile: Profile, workers: int, *, curve: bool
) -> tuple[int, PsPlacement]:
    """Workers a host and where the ps are; by default all tasks as they were calibrated."""
    per_host_by_name = {"shared": MAX_WORKERS, "separate": 1}
    ps_by_name: dict[str, PsPlacement] = {"shared": "shared", "separate": "own"}
    usual = "shared" if profile.link.kind == "loopback" else "separate"
    if options.placement is not None:
        finer = {
            "--hosts": options.hosts,
            "--workers-per-host": options.workers_per_host,
            "--ps-placement": options.ps_placement,
        }
        for option, value in finer.items():
            if value is not None:
                raise InputError(option, f"{value} beside --placement", "one of the two options")
        name = choice("--placement", options.placement, ("shared", "separate"))
        return per_host_by_name[name], ps_by_name[name]
    ps_placement = ps_by_name[usual]
    if options.ps_placement is not None:
        ps_placement = choice("--ps-placement", options.ps_placement, ("own", "shared"))
    if options.hosts is not None and options.workers_per_host is not None:
        raise InputError(
            "--hosts", f"{options.hosts} beside --workers-per-host", "one of the two options"
        )
    if options.workers_per_host is not None:
        per_host = integer("--workers-per-host", options.workers_per_host, 1, MAX_WORKERS)
        return per_host, ps_placement
    if options.hosts is not None:
        return _per_host(options.hosts, workers, curve=curve), ps_placement
    return per_host_by_name[usual], ps_placement


def _per_host(text: str, workers: int, *, curve: bool) -> int:
    if curve:
        raise InputError(
            "--hosts", text, "--workers-per-host here, since the number of workers varies"
        )
    hosts = integer("--hosts", text, 1, workers)
    per_host = -(-workers // hosts)
    used = -(-workers // per_host)
    if used != hosts:
        raise InputError(
            "--hosts",
            f"{hosts} for {workers} workers",
            f"a number that they fill: {used} hosts with {per_host} on each",
        )
    return per_host
