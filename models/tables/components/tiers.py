"""Tiers: what all-reduces take inside a host and between hosts, from runs of one and of several."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from nworkers.models.base.all_reduce_terms import Algorithm, two_tier_terms
from nworkers.models.base.errors import InputError
from nworkers.models.costs.laws import segment_for
from nworkers.models.records.profile import (
    Collective,
    InnerTier,
    NotIdentified,
    Parameter,
    Profile,
    Segment,
    value_at,
)
from nworkers.models.tables.components.ring import FittedLine, groups, line, measure, sizes
from nworkers.models.tables.components.rows import Row

#: Where bytes inside a host take this share of the time, those between hosts are not seen.
HIDING = 0.85
#: Of two hosts' latency, what is inside them at least, and between them at least.
LEAST_SHARE = 0.02
#: By how much a ring of hosts must fit better than a tree of them, which it is taken for else.
BETTER = 0.9

_Segments = tuple[Segment[Parameter], ...]
_Terms = tuple[float, float]


@dataclass(frozen=True)
class Tiers:
    """All-reduces as a table tells them, the lines that were fitted, and what to know of it."""

    collective: Collective[Parameter]
    lines: tuple[FittedLine, ...]
    notes: tuple[str, ...] = ()


def put_in(base: Profile, rows: Sequence[Row], rng: np.random.Generator, source: str) -> Tiers:
    """All-reduces of one host apart from those of several, where the table tells hosts.

    Raises:
        InputError: the sizes leave a bandwidth open; or runs that tell hosts are mixed with others.
    """
    where, draws = f"{source}: allreduce", base.draws
    alone = [row for row in rows if row.hosts == 1]
    several = [row for row in rows if row.hosts > 1]
    if not alone and not several:
        collective, found = measure(rows, draws, rng, where)
        return Tiers(collective, (found,), tuple(_one_ring(rows)))
    if len(alone) + len(several) < len(rows):
        raise InputError(
            where,
            "runs that list all their ranks beside runs that do not",
            "the lines `#  Rank … on HOST` of every run, which tell hosts apart",
        )
    lines: list[FittedLine] = []
    tier = base.collective.inner if _told_apart(base) else None
    if alone:
        found = line("allreduce in a host", alone, _in_a_host, draws, rng, where)
        tier = InnerTier(groups(alone), sizes(alone), found.segments)
        lines.append(found)
    if not several:
        assert tier is not None
        collective, note = _with_inner(base, tier, where)
        return Tiers(collective, tuple(lines), (note,))
    collective, found, notes = _between(several, tier, draws, rng, where)
    return Tiers(collective, (*lines, found), notes)


def _one_ring(rows: Sequence[Row]) -> Iterator[str]:
    """A note where hosts may well have been several."""
    low, high = groups(rows)
    if high > 2:
        of = f"groups of {low} to {high}" if low < high else f"a group of {low}"
        yield f"the table does not say which ranks share a host: {of} is taken for one ring"


def _told_apart(base: Profile) -> bool:
    """Whether what is inside a host was measured, and not what is left of several."""
    tier = base.collective.inner
    return tier is not None and not isinstance(
        tier.segments[-1].bandwidth_bytes_per_s, NotIdentified
    )


def _with_inner(
    base: Profile, tier: InnerTier[Parameter], where: str
) -> tuple[Collective[Parameter], str]:
    """What is between hosts is the base's where that is the user's; else it is left open."""
    known = base.collective
    if known.inner is not None and not _told_apart(base):
        raise InputError(
            where,
            "one host, with a base in which its part was not told from that between hosts",
            "both tables at once, or the one of one host first",
        )
    if known.measured and (known.imported or "collective" not in base.stand_ins):
        return replace(known, inner=tier), f"between hosts an all-reduce is as {base.name} has it"
    collective: Collective[Parameter] = Collective(
        measured=False,
        imported=True,
        workers=tier.workers,
        size_bytes=tier.size_bytes,
        inner=tier,
    )
    return collective, (
        "what is between hosts is not in the table: workers on several hosts need runs of several "
        "beside it, or a <link>"
    )


def _between(
    rows: Sequence[Row],
    tier: InnerTier[Parameter] | None,
    draws: int,
    rng: np.random.Generator,
    where: str,
) -> tuple[Collective[Parameter], FittedLine, tuple[str, ...]]:
    """What is between hosts, beside what is inside them."""
    notes: list[str] = []
    smallest = groups(rows)[0] if tier is None else min(groups(rows)[0], tier.workers[0])
    per_host = max(-(-row.workers // row.hosts) for row in rows)
    pairs = [row for row in rows if row.hosts == 2]
    # Two hosts pass on fewer bytes than more do, and may be as fast as one.
    used = [row for row in rows if row.hosts > 2] or rows
    if tier is None and used is not rows and _several_a_host(pairs):
        of_two, of_more = (_line(of, None, "tree", draws, rng, where) for of in (pairs, used))
        _, tier = _apart(pairs, of_two, "tree", rng, _inside_share(of_two, of_more))
        notes += _bounds(pairs, (), tier)
    algorithm: Algorithm = "tree"
    found = _line(used, tier, algorithm, draws, rng, where)
    if _hops_tell(used):
        other = _line(used, tier, "ring", draws, rng, where)
        if _misfit(other) < BETTER * _misfit(found):
            algorithm, found = "ring", other
    else:
        notes.append(
            "latencies between hosts are taken to grow as those of a tree of hosts: runs of 2 and "
            "of 8 would tell whether they do"
        )
    if tier is not None:
        segments, note = _seen(used, found, tier, algorithm, rng)
        notes += note
    elif _several_a_host(used):
        segments, tier = _apart(used, found, algorithm, rng)
        notes += _bounds(used, segments, tier)
    else:
        segments = found.segments
    first, *others = segments
    collective: Collective[Parameter] = Collective(
        measured=True,
        latency_s=first.latency_s,
        bandwidth_bytes_per_s=first.bandwidth_bytes_per_s,
        imported=True,
        workers=(smallest, groups(rows)[1]),
        size_bytes=sizes(rows),
        algorithm=algorithm,
        segments=tuple(others),
        per_host=per_host,
        inner=tier,
    )
    return collective, found, tuple(notes)


def _in_a_host(row: Row) -> _Terms:
    """Coefficients of a row that is of one host."""
    return two_tier_terms(row.size_bytes, row.workers, 1, "ring")[0]


def _terms(row: Row, algorithm: Algorithm) -> tuple[_Terms, _Terms]:
    return two_tier_terms(row.size_bytes, row.workers, row.hosts, algorithm)


def _line(
    rows: Sequence[Row],
    tier: InnerTier[Parameter] | None,
    algorithm: Algorithm,
    draws: int,
    rng: np.random.Generator,
    where: str,
) -> FittedLine:
    def latency_s(row: Row) -> float:
        """Hops inside hosts; their bytes move beside those between hosts."""
        if tier is None:
            return 0.0
        hops = _terms(row, algorithm)[0][0]
        return hops * value_at(segment_for(tier.segments, row.size_bytes).latency_s, None)

    return line(
        "allreduce", rows, lambda row: _terms(row, algorithm)[1], draws, rng, where, latency_s
    )


def _hops_tell(rows: Sequence[Row]) -> bool:
    """Whether a tree's and a ring's hops between hosts differ by more than a factor."""
    ratios = {_terms(row, "tree")[1][0] / _terms(row, "ring")[1][0] for row in rows}
    return len(ratios) > 1


def _misfit(found: FittedLine) -> float:
    """Root mean square of the logarithm of fitted over measured."""
    pairs = zip(found.solved.fitted_s, found.rows, strict=True)
    return float(np.sqrt(np.mean([math.log(fitted / row.seconds) ** 2 for fitted, row in pairs])))


def _largest_of_each(
    rows: Sequence[Row], segments: _Segments
) -> Iterator[tuple[Segment[Parameter], Row]]:
    """Every segment with its largest row, of the most hosts."""
    begins = [*(of.from_bytes for of in segments), math.inf]
    for of, (begin, end) in zip(segments, pairwise(begins), strict=True):
        inside = [row for row in rows if begin <= row.size_bytes < end] or rows
        yield of, max(inside, key=lambda row: (row.size_bytes, row.hosts))


def _seen(
    rows: Sequence[Row],
    found: FittedLine,
    tier: InnerTier[Parameter],
    algorithm: Algorithm,
    rng: np.random.Generator,
) -> tuple[_Segments, list[str]]:
    """Segments without a bandwidth where bytes take as long inside a host as in all.

    It is then anything from what was seen to what is inside: beyond that it plays no part.
    """
    segments, notes = [], list[str]()
    for of, row in _largest_of_each(rows, found.segments):
        inside, outside = _terms(row, algorithm)
        inner = segment_for(tier.segments, row.size_bytes).bandwidth_bytes_per_s
        seen, kept, notes = of.bandwidth_bytes_per_s, of, []
        share = inside[1] / value_at(inner, None) * value_at(seen, None) / outside[1]
        if share > HIDING:
            kept = replace(of, bandwidth_bytes_per_s=_up_to(seen, inner, rng))
            notes = [
                f"the bandwidth between hosts is not identified: {row.hosts} hosts are as fast as "
                f"one. It is {value_at(seen, None) / 1e9:.3g} GB/s a host at least"
            ]
        segments.append(kept)
    return tuple(segments), notes


def _up_to(seen: Parameter, inner: Parameter, rng: np.random.Generator) -> NotIdentified:
    """Evenly spread in the logarithm between the two; the middle where one number is needed."""
    places = _places(len(seen.draws), rng)

    def between(draw: int | None, place: float) -> float:
        low = value_at(seen, draw)
        return float(low * max(1.0, value_at(inner, draw) / low) ** place)

    spread = tuple(between(draw, place) for draw, place in enumerate(places))
    return NotIdentified(between(None, 0.5), "bytes/s", seen.samples, spread)


def _several_a_host(rows: Sequence[Row]) -> list[Row]:
    """Runs with hops inside hosts."""
    return [row for row in rows if row.workers > row.hosts]


def _places(draws: int, rng: np.random.Generator) -> list[float]:
    """Evenly from 0 to 1, in random order."""
    return [float(place) for place in (rng.permutation(draws) + 0.5) / draws]


def _apart(
    rows: Sequence[Row],
    found: FittedLine,
    algorithm: Algorithm,
    rng: np.random.Generator,
    share: float | None = None,
) -> tuple[_Segments, InnerTier[Parameter]]:
    """Both tiers by runs of several hosts alone, which leave open what is whose.

    Hops inside have ``share`` of the latency; for None any share. Bytes take no longer inside than
    in all. Between hosts they may take as long, or less by what two hosts alone do not pass on.
    """
    outer, inner = [], []
    for of, row in _largest_of_each(_several_a_host(rows), found.segments):
        (hops, moved), (between, crossing) = _terms(row, algorithm)
        latency_s, seen = of.latency_s, of.bandwidth_bytes_per_s
        draws = len(latency_s.draws)
        shares = _places(draws, rng) if share is None else [share] * draws
        inside = _times(seen, moved / crossing)
        inner.append(
            Segment[Parameter](of.from_bytes, _shared(latency_s, shares, between / hops), inside)
        )
        rest = [1.0 - share for share in shares]
        rate: Parameter = _up_to(seen, inside, rng) if moved > crossing else seen
        outer.append(Segment(of.from_bytes, _shared(latency_s, rest, 1.0), rate))
    per_host = max(-(-row.workers // row.hosts) for row in rows)
    return tuple(outer), InnerTier((per_host, per_host), sizes(rows), tuple(inner))


def _inside_share(of_two: FittedLine, of_more: FittedLine) -> float:
    """What of two hosts' latency is inside them, by what more hosts add."""
    few, many = of_two.rows[0], max(of_more.rows, key=lambda row: row.hosts)
    few_hops, many_hops = (_terms(row, "tree")[1][0] for row in (few, many))
    # A line's latency is for each hop between hosts.
    few_s, many_s = (value_at(of.segments[0].latency_s, None) for of in (of_two, of_more))
    hop_s = (many_hops * many_s - few_hops * few_s) / (many_hops - few_hops)
    return float(np.clip(1.0 - hop_s / few_s, LEAST_SHARE, 1.0 - LEAST_SHARE))


def _shared(of: Parameter, shares: Sequence[float], factor: float) -> NotIdentified:
    draws = tuple(factor * share * value for share, value in zip(shares, of.draws, strict=True))
    best = factor * float(np.mean(shares)) * value_at(of, None)
    return NotIdentified(best, of.unit, of.samples, draws)


def _times(of: Parameter, factor: float) -> NotIdentified:
    draws = tuple(factor * value for value in of.draws)
    return NotIdentified(factor * value_at(of, None), of.unit, of.samples, draws)


def _bounds(rows: Sequence[Row], outer: _Segments, inner: InnerTier[Parameter]) -> Iterator[str]:
    """What can be said of a host's inside by runs of several hosts alone."""
    hosts = sorted({row.hosts for row in rows})
    counts = " or ".join(map(str, hosts))
    hop_s = max(inner.segments[0].latency_s.draws)
    rate = value_at(inner.segments[-1].bandwidth_bytes_per_s, None)
    yield (
        f"what is inside a host is not identified, as all runs are of {counts} hosts: a hop there "
        f"takes {1e6 * hop_s:.3g} us at most, and bytes pass at {rate / 1e9:.3g} GB/s at least"
    )
    last = outer[-1].bandwidth_bytes_per_s if outer else None
    if isinstance(last, NotIdentified):
        low, high = min(last.draws) / 1e9, max(last.draws) / 1e9
        yield (
            f"between hosts it is {low:.3g} to {high:.3g} GB/s a host, "
            "so more of them are predicted between those; a run of one host alone would tell more"
        )
