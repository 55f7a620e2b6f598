"""Quantity words: what a quantity of a profile is, for who does not know its path."""

from __future__ import annotations

import re

#: Of what stands before the last name of a path.
_OF = (
    (r"gpu\.copy_in", "a copy to the GPU"),
    (r"gpu\.copy_out", "a copy from the GPU"),
    (r".*link\.fetch|.*gpu\.fetch", "a fetch of variables"),
    (r".*link\.push|.*gpu\.push", "a push of gradients"),
    (r"host\.fetch_worker", "a fetch's processor time at the worker"),
    (r"host\.fetch_ps", "a fetch's processor time at the parameter server"),
    (r"host\.push_worker", "a push's processor time at the worker"),
    (r"host\.push_ps", "a push's processor time at the parameter server"),
    (r"host\.apply", "an update of variables"),
    (r"host\.python", "a copy into Python"),
    (r"host\.coordinator", "a function of the coordinator"),
    (r"collective|gpu\.collective", "an all-reduce"),
    (r".*processor.*", "the processor time of a worker's gradients"),
    (r".*device\.workloads.*", "a training step"),
    (r"gpu\.device.*", "a product of matrices on the GPU"),
    (r"device.*", "a product of matrices"),
)
#: Paths whose last name alone would not say it.
_WHOLE = {
    "host.cores": "cores of a host",
    "host.memory_bytes": "memory of a host",
    "host.os_overhead_share": "processor time beyond the tasks', over theirs",
    "host.usable_share": "share of the cores' time that many workers get to use",
    "host.compute_under_load": "processor time of gradients beside other workers, over alone",
    "noise.compute": "how much a worker's compute varies from step to step",
    "device.dispatch_s": "an empty step in one process",
    "gpu.device.dispatch_s": "an empty step on the GPU",
    "link.dispatch_s": "what a part on a parameter server adds to a step",
    "link.shared_bandwidth_bytes_per_s": "bandwidth that all transfers one way share",
    "link.both_ways_bandwidth_bytes_per_s": "bandwidth of each direction while the other is busy",
    "host.server_dispatch_s": "an empty step through a worker's server",
    "host.dispatch_worker_s": "processor time of an empty step, at the worker",
    "host.dispatch_ps_s": "processor time of an empty step, at the parameter server",
    "collective.latency_s": "latency of a hop of an all-reduce",
    "collective.dispatch_s": "an empty step of the all-reduce's strategy",
}
_LAST = {
    "latency_s": "latency of {}",
    "session_latency_s": "latency of {} in a session",
    "bandwidth_bytes_per_s": "bandwidth of {}",
    "gemm_bandwidth_bytes_per_s": "bandwidth of {}",
    "per_tensor_s": "each further tensor of {}",
    "several_s": "more than one tensor in {}",
    "after_fetch_s": "latency of {} after a fetch",
    "per_request_s": "each request of {}",
    "per_byte_s": "each byte of {}",
    "floor_s": "fixed part of {}",
    "gradient_floor_s": "fixed part of a worker's gradients",
    "per_sample_s": "each sample of {}",
    "plateau_s": "least of the batch's part of {}",
    "alone_per_sample_s": "each sample of {} on one thread",
    "join_s": "joining threads in {}",
    "gemm_overhead_s": "fixed part of {}",
    "gemm_flops_per_s": "rate of {}",
    "serial_s": "each further call of {}",
    "processor_per_hop_s": "processor time of {}, each hop",
    "processor_per_byte_s": "processor time of {}, each byte",
}


def quantity_words(path: str) -> str:
    """Such as ``bandwidth of a fetch of variables``; empty where a path says it itself."""
    if path in _WHOLE:
        return _WHOLE[path]
    owner, _, last = re.sub(r"(\.segments|_segments)?\[[^\]]*\]", "", path).rpartition(".")
    about = next((words for pattern, words in _OF if re.fullmatch(pattern, owner)), None)
    return _LAST[last].format(about) if about is not None and last in _LAST else ""


def with_words(path: str) -> str:
    """The words, and in a second line the path; the path alone where there are none."""
    words = quantity_words(path)
    return f"{words}\n{path}" if words else path
