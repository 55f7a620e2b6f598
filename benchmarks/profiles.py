"""Make the profiles that the package ships, two by measuring: `make profiles`, on an idle machine.

``loopback-2core`` is this machine with all tasks on loopback; ``emulated-1gbit`` has the ps and
each worker in a network namespace of its own behind links shaped to 1 Gbit/s (root needed). The
workload is the report's of 2017. ``h100`` is fitted to a calibration of another host, which is
among the data here: `python -m benchmarks.profiles h100`.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from nworkers.calibrate.campaigns.campaign import CampaignProgress, Machines, calibrate
from nworkers.calibrate.campaigns.plan import plan
from nworkers.calibrate.campaigns.scope import Scope
from nworkers.calibrate.host.environment import environment
from nworkers.models.files.shipped import PROFILES
from nworkers.models.files.store import read_calibration, write_record
from nworkers.models.fitting.fit import fit_profile
from nworkers.models.records.profile import Profile
from nworkers.models.records.workload import named_workload
from tests.testbed.hosts import hosts

RATE_MBIT = 1000
WORKLOAD = "gemm:128,256"
CALIBRATIONS = Path("build/profiles")
H100 = Path(__file__).parent / "data" / "h100-default.json.gz"


def measure(name: str, machines: Machines) -> Profile:
    """A default calibration, fitted; its samples stay in `CALIBRATIONS`."""

    def show(news: CampaignProgress) -> None:
        if news.done % 60 == 0:
            print(f"{name}: {news.done} of {news.total} cells", file=sys.stderr)

    with tempfile.TemporaryDirectory() as logs:
        made = calibrate(
            plan(
                Scope(),
                named_workload(WORKLOAD),
                network=machines.link_kind == "network",
            ),
            logs=Path(logs),
            progress=show,
            machines=machines,
        )
    CALIBRATIONS.mkdir(parents=True, exist_ok=True)
    write_record(CALIBRATIONS / f"{name}.json", made, force=True)
    return replace(fit_profile(made), name=name)


def h100() -> Profile:
    """Of a host with a GPU, as it was measured there."""
    made = read_calibration(H100)
    hardware = f"one NVIDIA H100, {made.environment.hardware}"
    return replace(fit_profile(made), name="h100", hardware=hardware)


def main() -> None:
    if sys.argv[1:] == ["h100"]:
        write_record(PROFILES / "h100.json", h100(), force=True)
        return
    here = environment().hardware
    made = [measure("loopback-2core", Machines())]
    with hosts(4, rate_mbit=RATE_MBIT) as (ps, chief, *workers):
        machines = Machines(
            ps=(ps.site,),
            workers=tuple(worker.site for worker in workers),
            chief=chief.site,
            link_kind="network",
            evidence="emulated hosts",
            hardware=f"3 emulated hosts with links of {RATE_MBIT / 1000:g} Gbit/s, on {here}",
        )
        made.append(measure("emulated-1gbit", machines))
    for profile in made:
        write_record(PROFILES / f"{profile.name}.json", profile, force=True)


if __name__ == "__main__":
    main()
