"""Laws: how long an operation takes, as a sum of coefficient · parameter.

A formula stands here once. With a drawn profile's numbers it predicts; with unknowns it gives the
coefficients that fit them (`nworkers.models.base.linear`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import TypeVar

from nworkers.models.base.draws import larger, smaller
from nworkers.models.base.linear import Number, largest
from nworkers.models.records.profile import (
    Apply,
    Coordinator,
    Copy,
    Demand,
    Host,
    Link,
    Products,
    Segment,
    StepTime,
    Threads,
    TransferPath,
)

#: What a transfer takes at least of what it would without the credit of a token bucket.
LEAST_SHARE = 0.05

N = TypeVar("N")


def step_s(time: StepTime[Number], batch: int) -> Number:
    """A step: floor + per sample · batch; with a plateau the second term is at least that.

    Below the knee a device is not saturated, and a smaller batch takes no less time. A product that
    a larger batch brings to all threads may take less time there, so that the step does too.
    """
    if time.threads is not None:
        return time.floor_s + _threaded_s(time.threads, time.per_sample_s, batch)
    varying_s = batch * time.per_sample_s
    if time.plateau_s is not None:
        varying_s = largest(time.plateau_s, varying_s)
    return time.floor_s + varying_s


def _threaded_s(threads: Threads[Number], together_s: Number, batch: int) -> Number:
    """What a step's products take, each on one thread or on all."""
    joined = [of for of in threads.products if batch >= of.from_batch]
    alone = sum(of.share for of in threads.products if batch < of.from_batch)
    taken_s = batch * alone * threads.alone_per_sample_s
    taken_s = taken_s + batch * sum(of.share for of in joined) * together_s
    if threads.join_s is not None:
        taken_s = taken_s + sum(of.products for of in joined) * threads.join_s
    return taken_s


def product_s(products: Products[Number], flops: float, size_bytes: float) -> Number:
    """A matrix product: overhead + flops/rate, with its bytes as its law says.

    ``sum`` adds bytes/bandwidth; ``max`` takes the larger of the two, the roofline (Williams,
    Waterman and Patterson, *Comm. ACM* 52, 2009).

    Args:
        size_bytes: both operands' and the result's, each moved once.
    """
    segment = [s for s in products.segments if flops >= s.from_flops][-1]
    computed_s = flops / segment.gemm_flops_per_s
    bandwidth = products.bandwidth_bytes_per_s
    if bandwidth is not None and products.law == "sum":
        computed_s = computed_s + size_bytes / bandwidth
    if bandwidth is not None and products.law == "max":
        computed_s = largest(computed_s, size_bytes / bandwidth)
    return segment.gemm_overhead_s + computed_s


def segment_of(path: TransferPath[N], size_bytes: float) -> Segment[N]:
    """What holds for a tensor of so many bytes."""
    return segment_for(path.segments, size_bytes)


def segment_for(segments: Sequence[Segment[N]], size_bytes: float) -> Segment[N]:
    """What holds for so many bytes, of segments that ascend from 0 on."""
    return [s for s in segments if size_bytes >= s.from_bytes][-1]


def sustained(path: TransferPath[N]) -> N:
    """Bytes per second of one flow in the largest tensors; small ones fit into buffers."""
    return segment_of(path, math.inf).bandwidth_bytes_per_s


def latency_s(
    path: TransferPath[Number], sizes: Sequence[float], *, after_fetch: bool = False
) -> Number:
    """Seconds before the bytes of at least one tensor move, all in one step.

    Hockney's α (*Parallel Computing* 20, 1994), what every tensor after the first adds, and what
    it adds that there are several. A push that follows a fetch in its step has an α of its own,
    since the ps has asked for the gradient by then.
    """
    places = {of.from_bytes: of for of in (segment_of(path, size) for size in set(sizes))}
    first_s = reduce(largest, (segment.latency_s for segment in places.values()))
    if after_fetch and path.after_fetch_s is not None:
        first_s = path.after_fetch_s
    if path.several_s is not None and len(sizes) > 1:
        first_s = first_s + path.several_s
    return first_s + path.per_tensor_s * (len(sizes) - 1)


def transfer_s(path: TransferPath[Number], sizes: Sequence[float]) -> Number:
    """Seconds in which the bytes of at least one tensor move, alone on the link: Hockney's n/β.

    Bytes of the largest segment that a token bucket's credit covers pass at once.
    """
    # A model has hundreds of variables, of a few sizes.
    moved_s = _total(
        (size / segment_of(path, size).bandwidth_bytes_per_s) * many
        for size, many in Counter(sizes).items()
    )
    if path.credit_bytes:
        last = path.segments[-1]
        ruled = sum(size for size in sizes if segment_of(path, size) is last)
        passed_s = min(path.credit_bytes, ruled) / last.bandwidth_bytes_per_s
        # Not nothing: on a busy link they wait as all others do.
        moved_s = largest(LEAST_SHARE * moved_s, moved_s - passed_s)
    return moved_s


def unmeasured_hop(link: Link[float], size_bytes: float) -> tuple[float, float]:
    """Latency, and seconds of a byte, of a hop of a collective that nobody measured.

    A hop is a fetch from the neighbour, of so many bytes. But hops follow each other without a
    pause: what a buffer or a token bucket passes at once for one tensor, it does not for all. So no
    byte is faster than in the largest tensors, or than the link; and no latency is shorter than
    that of smaller tensors.
    """
    reached = [s for s in link.fetch.segments if size_bytes >= s.from_bytes]
    rates = [reached[-1].bandwidth_bytes_per_s, sustained(link.fetch)]
    if link.shared_bandwidth_bytes_per_s is not None:
        rates.append(link.shared_bandwidth_bytes_per_s)
    latencies = (segment.latency_s for segment in reached)
    return reduce(larger, latencies), 1.0 / reduce(smaller, rates)


def busy(host: Host[N]) -> float:
    """Seconds of a host's cores that a processor second of its tasks takes, where many compete.

    The system works beside them, and a core idles from the end of one task's part of a step until
    another's thread has been woken.
    """
    return (1.0 + host.os_overhead_share) / (host.usable_share or 1.0)


def update_s(apply: Apply[Number], size_bytes: float) -> Number:
    """What an optimiser's update takes beyond its floor, which is in a push's latency."""
    return apply.per_byte_s * size_bytes


def request_s(demand: Demand[Number], tensors: int, *, first: bool = True) -> Number:
    """Processor seconds of so many tensors without their bytes, the step's first among them."""
    begun_s = demand.per_request_s if first else demand.per_tensor_s
    return begun_s + demand.per_tensor_s * (tensors - 1)


def apart_s(per_doubling_s: Number, tensors: float, ps: int) -> Number:
    """Processor seconds that one ps's tensors take more, since others lie on other ps.

    Tensors of one connection are handled in groups that grow, so that their number's logarithm
    counts. (P − 1)/P of it for each of P ps: what one ps takes has all of its own.

    Args:
        tensors: on this ps.
        ps: that are touched.
    """
    return per_doubling_s * ((ps - 1) / ps * math.log2(max(1.0, tensors)))


def bytes_s(demand: Demand[Number], size_bytes: float) -> Number:
    """Processor seconds of the bytes of a transfer."""
    return demand.per_byte_s * size_bytes


def copy_s(copy: Copy[Number], size_bytes: float) -> Number:
    """A tensor brought into Python, the step's dispatch included."""
    return copy.latency_s + size_bytes / copy.bandwidth_bytes_per_s


def coordinator_s(coordinator: Coordinator[Number], functions: int) -> Number:
    """Empty functions scheduled at once, until the last is done."""
    return coordinator.latency_s + coordinator.serial_s * (functions - 1)


def all_reduce_s(
    terms: tuple[float, float], hop_s: Number, byte_s: Number
) -> tuple[Number, Number]:
    """Latency of all hops and time of all bytes (`nworkers.models.base.all_reduce_terms`)."""
    hops, moved = terms
    return hops * hop_s, moved * byte_s


def _total(values: Iterable[Number]) -> Number:
    return reduce(lambda one, other: one + other, values)
