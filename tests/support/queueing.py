"""Closed forms of queueing theory."""

from __future__ import annotations


def mean_value_analysis(workers: int, think_s: float, service_s: float) -> float:
    """Throughput of N workers and one single server (Reiser and Lavenberg, *JACM* 27, 1980)."""
    queue = throughput = 0.0
    for n in range(1, workers + 1):
        response_s = service_s * (1.0 + queue)
        throughput = n / (think_s + response_s)
        queue = throughput * response_s
    return throughput


def machine_repairman(workers: int, think_s: float, service_s: float, servers: int) -> float:
    """Throughput of N workers and c servers, from the birth–death chain of jobs at the servers."""
    weights = [1.0]
    for n in range(1, workers + 1):
        weights.append(weights[-1] * (workers - n + 1) / think_s * service_s / min(n, servers))
    busy = sum(w * min(n, servers) for n, w in enumerate(weights))
    return busy / sum(weights) / service_s
