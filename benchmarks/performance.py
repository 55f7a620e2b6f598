"""How fast answers are: ``python -m benchmarks.performance``.

Ratios within one run, each the median of five, on an idle machine; about ten minutes. Absolute
times are of this machine, beside how long Python takes to import what every command needs.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.page import ROOT, Page, table
from nworkers.models.base.statistics import Floats
from nworkers.models.costs.step import step_costs
from nworkers.models.records.job_request import JobRequest
from nworkers.models.records.runtimes import STRATEGIES
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.solved import SOUGHT
from nworkers.models.records.workload import named_workload
from nworkers.simulator.decide.explain import explained
from nworkers.simulator.decide.job_options import JobOption, compare
from nworkers.simulator.decide.next_measurement import next_measurement
from nworkers.simulator.decide.solve import solve
from nworkers.simulator.engine.engines import IS_COMPILED, compiled, events
from nworkers.simulator.step.run_spec import RunSpec
from nworkers.simulator.study.ask import predict
from nworkers.simulator.study.resolve import resolve
from tests.support.factories import profile
from tests.support.runs import specified
from tests.support.simgrid import Job, by_scale, run

PAGE = Page("performance", "# Performance\n")
REPEATS = 5
SCALE = Path(sys.executable).with_name("scale")
IMPORTS = "import typer, numpy, simpy, pydantic"
COMPILED, EVENTS = compiled, events


def median_s(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the median call, after one that counts for nothing."""
    times_s = []
    for _ in range(repeats + 1):
        began_s = time.perf_counter()
        work()
        times_s.append(time.perf_counter() - began_s)
    return statistics.median(times_s[1:])


def process_s(*command: str) -> float:
    """Seconds of a whole process, in the median."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return median_s(
        lambda: subprocess.run(command, check=True, capture_output=True, env=environment)
    )


@dataclass(frozen=True)
class Load:
    """A run beside SimGrid.

    ``compute_share`` is the mean compute time, as a share of the time that the ps's link needs for
    a step of every worker. The rest of the workers are at the link on average; at 1 only those whom
    chance brings there together.
    """

    workers: int
    steps: int
    compute_share: float


LOADS = (Load(1_000, 100, 0.75), Load(1_000, 100, 1.0), Load(10_000, 3, 1.0))
SIZE_BYTES = 1_000_000
BANDWIDTH_BYTES_PER_S = 1.25e9
LATENCY_S = 1e-4
#: For so long, rounding stays far below anything that counts.
EARLY_STEPS = 10


def varied(load: Load) -> Job:
    """Asynchronous training, compute varied uniformly by ±50 %."""
    link_s = load.workers * SIZE_BYTES / BANDWIDTH_BYTES_PER_S
    rng = np.random.default_rng(load.workers)
    compute_s = load.compute_share * link_s * rng.uniform(0.5, 1.5, (load.workers, load.steps))
    return Job("async", (SIZE_BYTES,), compute_s, BANDWIDTH_BYTES_PER_S, LATENCY_S)


def apart(one: Floats, other: Floats) -> str:
    """Mean relative difference of the ends of steps."""
    return f"{np.abs(one / other - 1.0).mean():.0e}"


def simgrid_s(job: Job) -> tuple[str, float]:
    """SimGrid's faster setting on a job, by one run of each, and its seconds in the median."""
    took_s = {}
    for optim in ("Full", "Lazy"):
        os.environ["SIMGRID_OPTIM"] = optim
        took_s[optim] = run(job).wall_s
    fastest = min(took_s, key=took_s.__getitem__)
    os.environ["SIMGRID_OPTIM"] = fastest
    median = statistics.median(run(job).wall_s for _ in range(REPEATS))
    del os.environ["SIMGRID_OPTIM"]
    return fastest, median


def peers() -> None:
    """Against SimGrid, and against the events of simpy, in the same run."""
    rows = []
    for load in LOADS:
        job = varied(load)
        setting, theirs_s = simgrid_s(job)
        ours_s = statistics.median(by_scale(job, COMPILED).wall_s for _ in range(REPEATS))
        events_s = statistics.median(by_scale(job, EVENTS).wall_s for _ in range(REPEATS))
        ends_s, same_s = by_scale(job, COMPILED).ends_s, run(job).ends_s
        changed = replace(job, compute_s=job.compute_s * (1.0 + 1e-12))
        rows.append(
            [
                f"{load.workers:,}",
                str(load.steps),
                str(load.compute_share),
                f"{theirs_s:.2f}",
                setting,
                f"{events_s:.2f}",
                f"{ours_s:.4f}",
                f"{theirs_s / ours_s:.0f}",
                f"{events_s / ours_s:.0f}",
                apart(ends_s[:, :EARLY_STEPS], same_s[:, :EARLY_STEPS]),
                apart(ends_s, same_s),
                apart(by_scale(changed, COMPILED).ends_s, ends_s),
            ]
        )
        print(*rows[-1], flush=True)
    head = ["workers", "steps", "compute", "SimGrid, s", "its setting", "simpy, s", "compiled, s"]
    head += ["SimGrid over compiled", "simpy over compiled", "early", "all", "own"]
    text = f"""{table(head, rows)}

Asynchronous training, one ps, a fair link, compute varied by ±50 %. `compute` is the mean compute
over what the link needs for a step of every worker. SimGrid from Debian has the faster of its
settings `network/optim`, Full and Lazy. Seconds are medians of {REPEATS}.

The last columns are mean relative differences of the ends of steps. `early` is to SimGrid over the
first {EARLY_STEPS}, `all` over all. `own` is to the same run with compute times changed by 1e-12: a
fair link makes rounding grow ([design.md](design.md#simulator))."""
    PAGE.publish("peers", "Against SimGrid and simpy", text, {"head": head, "rows": rows})


def spec_of(workers: int, steps: int) -> RunSpec:
    scenario = Scenario(named_workload("gemm:128,256"), workers, scaling="weak", batch=32)
    return specified(step_costs(profile(), scenario), scenario, warmup=0, steps=steps)


def engines() -> None:
    """Worker steps a second of both engines, of one core, over how many workers there are."""
    rows, points = [], []
    for workers, steps in ((10, 1600), (64, 250), (1_000, 16), (10_000, 3), (100_000, 3)):
        spec = spec_of(workers, steps)
        ours_s = median_s(lambda spec=spec: COMPILED(spec))  # type: ignore[misc]
        events_s = median_s(lambda spec=spec: EVENTS(spec), 1) if workers <= 10_000 else None  # type: ignore[misc]
        per_s = workers * steps / ours_s
        points.append((workers, ours_s / (workers * steps)))
        rows.append(
            [
                f"{workers:,}",
                str(steps),
                f"{ours_s:.4f}",
                f"{per_s:,.0f}",
                "" if events_s is None else f"{events_s / ours_s:.0f}",
            ]
        )
        print(*rows[-1], flush=True)
    figure, axes = plt.subplots(figsize=(6.0, 3.4), layout="constrained")
    axes.loglog([n for n, _ in points], [1e6 * each_s for _, each_s in points], "o-")
    axes.set_ylim(0.1, 10.0)
    axes.set_xlabel("workers")
    axes.set_ylabel("microseconds a worker step")
    axes.set_title("A worker step costs little more among many", loc="left", fontsize=11)
    figure.savefig(ROOT / "docs" / "img" / "performance.png", dpi=150)
    head = ["workers", "steps", "seconds", "worker steps a second", "events over compiled"]
    text = f"""{table(head, rows)}

One run of a made-up profile without variation, on one core, medians of {REPEATS}.

![Microseconds of a worker step over the number of workers](img/performance.png)"""
    PAGE.publish("engines", "Over workers", text, {"head": head, "rows": rows})


def answers() -> None:
    """Whole commands over the imports that each of them needs, and the functions behind them."""
    imports_s = process_s(sys.executable, "-c", IMPORTS)
    rows = [[f"`{IMPORTS}`", f"{imports_s:.3f}", "1"]]
    eight = JobRequest()
    warm_s = median_s(lambda: predict(eight, 8))
    rows.append(["`predict(…, 8)`, warm", f"{warm_s:.4f}", f"{warm_s / imports_s:.2f}"])
    commands = [
        ("predict", "--workers", "8"),
        *(
            ("predict", "--workers", "1000", "--scaling", "weak", "--strategy", strategy)
            for strategy in STRATEGIES
        ),
        ("predict", "--workers", "1000000", "--scaling", "weak"),
        ("breakeven", "--max-workers", "256", "--scaling", "weak"),
        (
            *("breakeven", "--workload", "resnet-50", "--batch", "64", "--scaling", "weak"),
            *("--strategy", "ps-sync", "--ps", "4", "--max-workers", "32"),
        ),
    ]
    for command in commands:
        took_s = process_s(str(SCALE), *command)
        rows.append([f"`scale {' '.join(command)}`", f"{took_s:.2f}", f"{took_s / imports_s:.1f}"])
        print(*rows[-1], flush=True)
    head = ["what", "seconds", "over the imports"]
    text = f"{table(head, rows)}\n\nMedians of {REPEATS}; Python {platform.python_version()}."
    PAGE.publish("answers", "Answers", text, {"head": head, "rows": rows})


def many() -> None:
    """A million workers, each of them simulated: three steps, once; and what memory that takes."""
    began_s = time.perf_counter()
    spec = spec_of(1_000_000, 3)
    made_s = time.perf_counter() - began_s
    COMPILED(spec)
    took_s = time.perf_counter() - began_s
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    text = (
        f"1,000,000 workers, one variable, one ps, three steps: {took_s:.1f} s, of which "
        f"{made_s:.1f} s to lay them out, and at most {peak:.1f} GB."
    )
    PAGE.publish("many", "A million workers", text, {"seconds": took_s, "peak_gb": peak})
    print(text)


def questions(workload: str, workers: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """What may be asked beside a prediction, each with the function behind it."""
    job = JobRequest(workload=workload, batch=64, scaling="weak")
    for what in SOUGHT:
        yield f"solve {what}", partial(solve, job, what, workers=workers)
    yield "explain", lambda: explained(resolve(job, [workers]))
    yield "next", lambda: next_measurement(job, workers)
    faster = replace(job, link="100gbit")
    options = [JobOption("as it is", job), JobOption("faster", faster)]
    yield "breakeven --vs", lambda: compare(options, workers)


@dataclass(frozen=True)
class Took:
    """Processor seconds of all threads, and of the one that asked."""

    all_s: float
    own_s: float

    @property
    def on_two_cores_s(self) -> float:
        """From begin to end where two cores are free: the other threads do equal halves."""
        return self.own_s + (self.all_s - self.own_s) / 2.0


def seconds_of(workers: int, workloads: Sequence[str]) -> dict[str, dict[str, Took]]:
    """What each question of each workload takes, once, after one that counts not."""
    solve(JobRequest(), "batch", workers=2)
    found: dict[str, dict[str, Took]] = defaultdict(dict)
    for workload in workloads:
        for question, ask in questions(workload, workers):
            began_s, own_s = time.process_time(), time.thread_time()
            ask()
            took = Took(time.process_time() - began_s, time.thread_time() - own_s)
            found[question][workload] = took
            print(workers, workload, question, took, flush=True)
    return found


def decisions(workers: int, workloads: Sequence[str] = (), engine: str = "compiled") -> None:
    """How long the slowest workload of each question takes."""
    shipped = (ROOT / "models" / "files" / "workloads").glob("*.toml")
    names = workloads or ("gemm:128,256", "mlp:784,512,10", *sorted(p.stem for p in shipped))
    found = seconds_of(workers, names)
    rows = []
    for question, of in found.items():
        slowest = max(of, key=lambda name: of[name].on_two_cores_s)
        middle_s = statistics.median(took.on_two_cores_s for took in of.values())
        most = of[slowest]
        seconds = [f"{s:.2f}" for s in (middle_s, most.on_two_cores_s, most.all_s)]
        rows.append([f"`{question}`", *seconds, f"`{slowest}`"])
    head = ["question", "median, s", "slowest, s", "its processor seconds", "of"]
    text = (
        f"{table(head, rows)}\n\n{workers} workers, batch 64 each, asynchronous, {len(names)} "
        f"workloads, engine `{engine}`. Seconds on two free cores: processor seconds, once each, "
        "of which those of threads beside each other count half."
    )
    title = f"Questions about {workers} workers, {engine}"
    PAGE.publish(f"questions-{workers}-{engine}", title, text, {"head": head, "rows": rows})


def by_simpy(workers: int) -> None:
    """The same without a kernel, in a process that cannot import it; of three workloads."""
    code = (
        "import sys; sys.modules['nworkers.simulator.engine.compiled.kernel'] = None\n"
        "from benchmarks.performance import decisions\n"
        f"decisions({workers}, ('gemm:128,256', 'mlp:784,512,10', 'resnet-50'), 'events')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def ratios() -> None:
    """A few ratios of a machine that may be busy, printed and not kept."""
    if not IS_COMPILED:
        print("no kernel was compiled: simpy simulates")
        return
    print(f"{'workers':>9}{'simpy, s':>10}{'compiled, s':>13}{'ratio':>7}")
    for workers, steps in ((8, 500), (64, 60), (1_000, 6)):
        spec = spec_of(workers, steps)
        slow_s = median_s(lambda spec=spec: EVENTS(spec), 3)  # type: ignore[misc]
        fast_s = median_s(lambda spec=spec: COMPILED(spec), 3)  # type: ignore[misc]
        print(f"{workers:>9,}{slow_s:>10.3f}{fast_s:>13.4f}{slow_s / fast_s:>7.0f}")


def main() -> None:
    parts: dict[str, Callable[[], None]] = {
        "many": many,
        "engines": engines,
        "answers": answers,
        "questions-8": partial(decisions, 8),
        "questions-64": partial(decisions, 64),
        "simpy-8": partial(by_simpy, 8),
        "simpy-64": partial(by_simpy, 64),
        "peers": peers,
    }
    for name in sys.argv[1:] or parts:
        (parts | {"ratios": ratios})[name]()


if __name__ == "__main__":
    main()
