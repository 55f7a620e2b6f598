from __future__ import annotations

import datetime
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nworkers.calibrate.host import environment, watch
from nworkers.calibrate.host.watch import Neighbours, Watch, descendants, processes, state

TICK_S = 0.01


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def process(root: Path, pid: int, comm: str, parent: int, busy_s: float, started: int = 7) -> None:
    """A /proc/<pid>/stat with half of the time in the kernel."""
    ticks = round(busy_s / TICK_S / 2)
    fields = ["S", str(parent), *["0"] * 9, str(ticks), str(ticks), *["0"] * 6, str(started), "0"]
    put(root, f"proc/{pid}/stat", f"{pid} ({comm}) {' '.join(fields)}")


def test_clock_and_temperature_are_read_where_they_are(tmp_path: Path) -> None:
    assert set(state(tmp_path)) == {"load_1min"}
    put(tmp_path, "proc/cpuinfo", "processor : 0\ncpu MHz\t: 2000.0\n\ncpu MHz : 2400.0\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "41000\n")
    put(tmp_path, "sys/class/hwmon/hwmon0/temp1_input", "52500\n")
    put(tmp_path, "sys/class/hwmon/hwmon0/temp2_input", "-1\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/temp1_input", "no sensor\n")
    found = state(tmp_path)
    assert (found["clock_mhz"], found["temperature_c"]) == ("2200", "52")
    for core, khz in enumerate((3_000_000, 3_200_000)):
        put(tmp_path, f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq", f"{khz}\n")
    assert state(tmp_path)["clock_mhz"] == "3100"


def test_a_busy_stranger_is_named_and_our_own_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    for pid, comm, parent in (
        (10, "scale", 1),
        (11, "a task (x) y", 10),
        (20, "find", 1),
        (21, "idle", 1),
        (22, "reused", 1),
        (30, "kworker/0:1", 2),
    ):
        process(tmp_path, pid, comm, parent, 50.0)
    neighbours = Neighbours(tmp_path)
    now_s[0] += 10.0
    process(tmp_path, 11, "a task (x) y", 10, 59.0)
    process(tmp_path, 20, "find", 1, 52.0)
    process(tmp_path, 21, "idle", 1, 50.4)
    process(tmp_path, 22, "other", 1, 1.0, started=8)
    process(tmp_path, 23, "new", 1, 4.0)
    process(tmp_path, 30, "kworker/0:1", 2, 58.0)
    found = neighbours.busy(3, [10])
    assert [(n.round, n.comm, n.share) for n in found] == [
        (3, "new", 0.4),
        (3, "find", 0.2),
        (3, "other", 0.1),
    ]


#: Busy under a name of its own: other tests' tasks are neighbours too.
BUSY = "open('/proc/self/comm', 'w').write('neighbour')\nwhile True: pass"


def test_a_real_neighbour_is_seen() -> None:
    if not processes():
        pytest.skip("no /proc")
    neighbours = Neighbours()
    with subprocess.Popen([sys.executable, "-c", BUSY]) as busy:
        time.sleep(1.0)
        seen = neighbours.busy(0, [])
        ours = descendants(processes(), [busy.pid])
        time.sleep(1.0)
        known = neighbours.busy(0, [busy.pid])
        busy.kill()
    assert ours == {busy.pid}
    assert [each.comm for each in seen].count("neighbour") == 1
    assert [each.comm for each in known].count("neighbour") == 0


def test_a_clock_set_back_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Durations come from monotonic clocks; the wall clock only stamps the beginning."""

    class Past(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Past:
            return cls(1999, 12, 31, tzinfo=tz)

    begun = Watch()
    monkeypatch.setattr(environment, "datetime", Past)
    monkeypatch.setattr(time, "time", lambda: -1e9)
    assert begun.environment().measured_at > "2020"
    assert Watch().environment().measured_at == "1999-12-31T00:00:00Z"
    assert 0 <= float(begun.environment().facts["stolen_share"]) <= 1
    assert {"load_1min_before", "load_1min_after"} <= begun.environment().facts.keys()
    assert watch.BUSY_SHARE == 0.05
