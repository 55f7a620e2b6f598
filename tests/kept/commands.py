"""The commands whose answers are kept, with fixed seeds; each by a name that stays."""

from __future__ import annotations

import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "benchmarks" / "accuracy" / "data" / "xeon" / "calibrations"
HERE = Path(__file__).parent
SUPPORT = ROOT / "tests" / "support"
#: Profiles are as `scale fit --draws 60` of the calibrations wrote them when answers were first
#: kept, in schema 1.0: predictions from them move for no change of a fit.
FILES = {
    "LOOPBACK": HERE / "loopback.json.gz",
    "LOOPBACK-SAMPLES": DATA / "0-gemm-128-256.json.gz",
    "NETWORK": HERE / "network.json.gz",
    "NETWORK-SAMPLES": DATA / "1000-gemm-128-256.json.gz",
    "H100": HERE / "h100-quick.json.gz",
    "SAMPLES": SUPPORT / "samples",
    "EXAMPLES": SUPPORT / "examples",
    "CONVNET": SUPPORT / "examples" / "convnet.toml",
    "DAINT": SUPPORT / "examples" / "piz-daint.csv",
}

MLP = "--workload mlp:784,512,10 --batch 256"
WIRE = "--link emulated-1gbit --placement separate"

PREDICT = {
    "default": "--workers 4",
    "default-counts": "--workers 1,2,8 --seed 7",
    "default-sync": f"--workers 4 --strategy ps-sync {MLP}",
    "default-allreduce": f"--workers 4 --strategy allreduce {MLP}",
    "default-weak": f"--workers 8 --scaling weak {MLP}",
    "default-several-ps": f"--workers 6 --ps 3 {MLP}",
    "default-shared-hosts": f"--workers 6 --ps 2 --workers-per-host 2 --ps-placement shared {MLP}",
    "default-hosts": f"--workers 6 --hosts 3 {MLP}",
    "default-resnet": "--workers 8 --workload resnet-50 --batch 256 --strategy ps-sync --ps 2",
    "default-convnet": "--workers 1,4 --workload CONVNET --batch 64",
    "default-many": f"--workers 40 --scaling weak {MLP}",
    "shipped-loopback": "--workers 1,2,4 --calibration loopback-2core",
    "shipped-loopback-sync": f"--workers 3 --calibration loopback-2core --strategy ps-sync {MLP}",
    "shipped-loopback-allreduce": (
        f"--workers 2,3 --calibration loopback-2core --strategy allreduce {MLP}"
    ),
    "shipped-loopback-wire": f"--workers 4 --calibration loopback-2core {WIRE}",
    "coordinator": "--workers 1,4 --calibration NETWORK --runtime coordinator",
    "coordinator-loopback": "--workers 2 --calibration LOOPBACK --runtime coordinator",
    "loopback": "--workers 1,2,3 --calibration LOOPBACK",
    "loopback-sync": "--workers 2 --calibration LOOPBACK --strategy ps-sync --batch 256",
    "loopback-several-ps": f"--workers 2 --ps 2 --calibration LOOPBACK {MLP}",
    "loopback-wire": f"--workers 4 --calibration LOOPBACK {WIRE} {MLP}",
    "network": "--workers 1,2,6 --calibration NETWORK",
    "network-sync": f"--workers 2,8 --calibration NETWORK --strategy ps-sync {MLP}",
    "network-allreduce": f"--workers 4 --calibration NETWORK --strategy allreduce {MLP}",
    "nominal-link": f"--workers 1,4 --calibration LOOPBACK --link 10gbit {MLP}",
    "network-link-network": "--workers 4 --calibration NETWORK --link emulated-1gbit",
    "h100": "--workers 1,2,4 --calibration H100 --device cpu",
    "h100-mlp": (
        "--workers 2 --calibration H100 --device cpu --workload mlp:784,512,512,10 --batch 65536"
    ),
    "h100-wire": f"--workers 4 --calibration H100 --device cpu {WIRE} --strategy ps-sync",
    "h100-gpu": "--workers 1,2,4 --calibration H100 --batch 65536 --scaling weak",
    "h100-gpu-wire": f"--workers 3 --device-of h100 --workers-per-gpu 2 {WIRE} {MLP}",
    "baseline-host": f"--workers 4 --workers-per-host 2 --baseline host {MLP}",
    "baseline-workers": f"--workers 4,8 --baseline 2 {MLP}",
    "what-if-bytes": f"--workers 4 --what-if half-precision --what-if compression=0.1,2ns {MLP}",
    "what-if-overlap": f"--workers 4 --what-if overlap {MLP}",
    "what-if-overlap-sync": f"--workers 3 --ps 2 --strategy ps-sync --what-if overlap {MLP}",
    "what-if-backup": f"--workers 5 --strategy ps-sync --what-if backup-workers=1 {MLP}",
    "what-if-staleness": f"--workers 4 --what-if staleness=2 {MLP}",
    "what-if-rdma": f"--workers 4 --what-if rdma=5us,1us {MLP}",
    "what-if-sharding": (
        f"--workers 4 --ps 2 --what-if shard-by=size --what-if partition=1MiB {MLP}"
    ),
    "what-if-tree": f"--workers 6 --strategy allreduce --what-if all-reduce=tree {MLP}",
    "what-if-hierarchical": (
        f"--workers 8 --workers-per-host 4 --strategy allreduce "
        f"--what-if all-reduce=hierarchical --what-if inner-link=10GB/s,20us {MLP}"
    ),
    "what-if-buckets": (
        f"--workers 4 --strategy allreduce --what-if buckets=1MB --what-if overlap {MLP}"
    ),
    "what-if-hybrid": f"--workers 6 --workers-per-host 3 --what-if hybrid {MLP}",
    "what-if-racks": f"--workers 8 --what-if racks=4,4 {MLP}",
    "what-if-slow": f"--workers 4 --what-if slow-workers=1,2 --what-if slow-links=1,4 {MLP}",
    "what-if-one-machine": f"--workers 3 --what-if one-machine {MLP}",
    "what-if-input": f"--workers 4 --what-if input=2000 {MLP}",
    "what-if-dead": f"--workers 4 --what-if dead-workers=1 {MLP}",
    "what-if-stragglers": f"--workers 4 --what-if stragglers=6,3,30s {MLP}",
    "what-if-short-faults": (f"--workers 3 --what-if stragglers=20000,3,50ms {MLP}"),
    "what-if-failures": (
        f"--workers 4 --what-if worker-failures=0.5,3m --what-if ps-failures=0.1,10m {MLP}"
    ),
}

#: Quantities set, and step times stated, of networks and of a GPU.
STATED = {
    "set": "--workers 1,4 --set link.fetch.per_tensor_s=5us --set host.server_dispatch_s=0.5x",
    "set-gpu": "--workers 2 --calibration H100 --batch 4096 --set device.dispatch_s=2x",
    "step-time": "--workers 1,4 --workload resnet-50 --batch 64 --step-time 120ms@64",
    "step-times": f"--workers 4 --step-time 5ms@64 --step-time 15ms@256 --cores 8 {MLP}",
}

BREAKEVEN = {
    "default": "--max-workers 8",
    "grid": f"--max-workers 20 --calibration loopback-2core {MLP}",
    "default-weak-sync": f"--max-workers 6 --strategy ps-sync --scaling weak {MLP}",
    "default-allreduce": f"--max-workers 6 --strategy allreduce {MLP}",
    "default-baseline": f"--max-workers 6 --baseline 2 {MLP}",
    "default-compute": f"--max-workers 6 --what-if compute=10x {MLP}",
    "shipped-loopback": "--max-workers 6 --calibration loopback-2core",
    "loopback": f"--max-workers 4 --calibration LOOPBACK {MLP}",
    "network": f"--max-workers 6 --calibration NETWORK {MLP}",
    "h100": "--max-workers 5 --calibration H100 --device cpu",
    "shipped-h100": "--max-workers 4 --calibration h100",
    "mix": "--max-workers 4 --mix EXAMPLES/two-jobs.toml",
    "mix-never": "--max-workers 4 --mix EXAMPLES/two-jobs.toml --target-speedup 4",
    "options": (
        f"--max-workers 3 {MLP} --price-per-host-hour 0.9 --vs '--ps 2' "
        "--vs '--workers 2 --batch 32768 --scaling weak'"
    ),
    "added": f"--baseline 2 --add 2:10x {MLP}",
}

FIT = {
    "loopback": "LOOPBACK-SAMPLES",
    "network": "NETWORK-SAMPLES --draws 100",
    "h100": "H100",
    "nccl": "SAMPLES/nccl.txt",
    "torch": "SAMPLES/torch.csv --base loopback-2core",
    "osu-latency": "SAMPLES/osu_latency.txt --base loopback-2core",
    "osu-allreduce": "SAMPLES/osu_allreduce.txt --workers 4",
    "iperf3": "SAMPLES/iperf3-four.json",
    "transfers": "SAMPLES/transfers.csv --base NETWORK",
    "scaling-table": "DAINT --fit-to 8",
}

FULL = "--scaling weak --workload mlp:784,512,10 --batch 8192"

SOLVE = {
    "batch": "batch --workers 8",
    "bandwidth": f"bandwidth --workers 4 {FULL}",
    "bandwidth-never": "bandwidth --workers 4",
    "dispatch": f"dispatch --workers 2 {FULL}",
    "latency": f"latency --workers 2 {FULL}",
    "latency-overhead": f"latency --workers 2 --overhead 0.8 {FULL}",
    "ps": f"ps --workers 6 {FULL}",
    "strategy": f"strategy --workers 4 {MLP}",
    "device": "device --workers 4 --calibration loopback-2core",
}

EXPLAIN = {
    "default": f"--workers 4 {MLP}",
    "h100": "--workers 4 --calibration H100",
    "run": f"--workers 4 {MLP} --measured EXAMPLES/my-run.csv",
}

NEXT = {
    "default": f"--workers 4 {MLP}",
    "loopback": "--workers 2 --calibration LOOPBACK",
}

COMMANDS = {
    f"{command} {name}": f"{command} {options} --json"
    for command, kept in (
        ("predict", PREDICT | STATED),
        ("breakeven", BREAKEVEN),
        ("fit", FIT),
        ("solve", SOLVE),
        ("explain", EXPLAIN),
        ("next", NEXT),
        ("doctor", {"what": ""}),
        ("models", {"all": ""}),
    )
    for name, options in kept.items()
}


def arguments(name: str) -> list[str]:
    """The words of a kept command, with the files in their places."""
    words = []
    for word in shlex.split(COMMANDS[name]):
        first, slash, rest = word.partition("/")
        words.append(f"{FILES[first]}{slash}{rest}" if first in FILES else word)
    return words
