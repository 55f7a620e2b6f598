"""Throughput words: what people call the columns of a table of runs, and the columns meant by it.

A header is matched by the words in it, so that ``# GPUs``, ``num_gpus`` and ``GPU Number`` are all
the number of workers. A column whose name says nothing certain is guessed by its values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, get_args

from nworkers.models.records.runtimes import STRATEGIES, Strategy

#: What a column can mean. ``rate``, ``step``, ``epoch``, ``efficiency`` and ``speedup`` are ways to
#: state a throughput.
Meaning = Literal[
    "rate",
    "step",
    "epoch",
    "efficiency",
    "speedup",
    "workers",
    "nodes",
    "gpus_per_node",
    "batch",
    "batch_per_worker",
    "global_batch",
    "samples",
    "sequence",
    "model",
    "strategy",
    "system",
    "ps",
    "source",
]
#: In the order in which they are preferred, where a table has several.
MEASURES: tuple[Meaning, ...] = ("rate", "step", "epoch", "speedup", "efficiency")
#: Whose rate or batch a column states.
Share = Literal["all", "worker", "node"]

_DEVICE = (
    r"(?:gpus?|npus?|tpus?|devices?|workers?|ranks?|cards?|chips?|accelerators?|replicas?|"
    r"process(?:es)?|procs?|trainers?|cores?)"
)
_NODE = r"(?:nodes?|hosts?|machines?|servers?|instances?|vms?)"
_SAMPLE = (
    r"(?:images?|imgs?|samples?|examples?|sequences?|seqs?|sentences?|tokens?|toks?|words?|"
    r"items?|records?|frames?|clips?|rows?|graphs?)"
)
_SECONDS = r"s(?:ec(?:ond)?s?)?"
_TIME = rf"(?:ms|us|{_SECONDS}|milliseconds?|microseconds?|min(?:ute)?s?|hours?|time|latency)"
_STEP = r"(?:steps?|iterations?|iters?|it|mini ?batch|batch)"
_EACH = r"(?:/|per) ?"
_COUNT = r"(?:number(?: of)?|num(?: of)?|n|no|total|count of|of)"

_PATTERNS: tuple[tuple[Meaning, str], ...] = (
    ("gpus_per_node", rf"\b(?:nproc|{_DEVICE}) ?{_EACH}{_NODE}\b|\bppn\b"),
    ("epoch", rf"\b(?:{_TIME} ?{_EACH}|)epochs? ?{_TIME}\b|\b{_TIME} ?{_EACH}epoch\b"),
    ("step", rf"\b{_STEP} ?{_TIME}\b|\b{_TIME} ?{_EACH}(?:\w+ )?{_STEP}\b"),
    ("efficiency", r"\befficiency\b|\beff\b"),
    ("speedup", r"\bspeed ?ups?\b|\bacceleration\b"),
    ("global_batch", r"\b(?:global|total|effective|overall) ?(?:mini ?)?(?:batch|bsz?)|\bgbs\b"),
    (
        "batch_per_worker",
        rf"\b(?:batch(?: ?size)?|bsz?) ?{_EACH}{_DEVICE}\b|"
        rf"\b(?:per ?)?(?:{_DEVICE}|local) ?(?:mini ?)?batch",
    ),
    (
        "rate",
        rf"\b{_SAMPLE} ?{_EACH}{_SECONDS}\b|\b{_SAMPLE} ?{_EACH}{_DEVICE} ?{_EACH}{_SECONDS}\b|"
        r"\bthroughput\b|\b(?:ips|fps|tps|tgs|wps)\b",
    ),
    ("batch", r"^(?:mini ?)?batch(?: ?sizes?)?$|^bsz?$"),
    ("ps", rf"^(?:{_COUNT} )?(?:ps|pss|pservers?|parameter servers?)(?: count| number)?$"),
    (
        "workers",
        rf"^(?:{_COUNT} ?)?(?:{_DEVICE}|mpi ranks|ngpus?)(?: ?(?:number|num|count|counter|used))?$|"
        r"^(?:n|np|world ?size)$",
    ),
    ("nodes", rf"^(?:{_COUNT} ?)?{_NODE}(?: ?(?:number|num|count|used))?$|^nnodes$"),
    (
        "samples",
        r"^(?:training |train )?(?:samples|images|examples|dataset size)(?: (?:per|an) epoch)?$",
    ),
    ("sequence", r"^(?:seq(?:uence)? ?len(?:gth)?|context(?: length)?)(?: t| tokens)?$"),
    ("model", r"^(?:model|network|net|dnn|architecture|arch|workload)(?: name)?$"),
    (
        "strategy",
        r"^(?:strategy|method|variable update|backend|communication|library|distribution)$",
    ),
    (
        "system",
        r"^(?:system|cluster|hardware|platform|framework|configuration|config|machine type|"
        r"instance type|gpu (?:type|model)|device type|parallel configuration|setup)$",
    ),
    ("source", r"^(?:source|reference|paper|url)$"),
)
_COMPILED = tuple((meaning, re.compile(pattern)) for meaning, pattern in _PATTERNS)
_OF_WORKER = re.compile(rf"(?:/|\bper) ?{_DEVICE}\b|\btgs\b")
_OF_NODE = re.compile(rf"(?:/|\bper) ?{_NODE}\b")
_TOKENS = re.compile(r"\btok(?:en)?s?\b|\bt ?/ ?s|\b(?:tps|tgs|wps)\b|\bwords?\b|size t$")
_UNITS_S = (
    (re.compile(r"\b(?:us|µs|microseconds?)\b"), 1e-6),
    (re.compile(r"\b(?:ms|milliseconds?)\b"), 1e-3),
    (re.compile(r"\bmin(?:ute)?s?\b"), 60.0),
    (re.compile(r"\bh(?:ours?|rs?)?\b"), 3600.0),
    (re.compile(rf"\b{_SECONDS}\b"), 1.0),
)
#: A column of a wide table: a number of workers, with or without what is counted.
_WIDE = re.compile(rf"^(?:(?:n|np) )?(?:x ?)?(\d{{1,7}})(?: ?x)? ?(?:({_DEVICE})|({_NODE}))?$")
#: Parts of names of strategies, in the order in which they are looked for.
_HINTS: tuple[tuple[str, Strategy], ...] = (
    ("async", "ps-async"),
    ("parameter_server", "ps-sync"),
    ("parameter server", "ps-sync"),
    ("distributed_replicated", "ps-sync"),
    ("pserver", "ps-sync"),
    ("horovod", "allreduce"),
    ("mirrored", "allreduce"),
    ("allreduce", "allreduce"),
    ("all-reduce", "allreduce"),
    ("all_reduce", "allreduce"),
    ("nccl", "allreduce"),
    ("gloo", "allreduce"),
    ("mpi", "allreduce"),
    ("ddp", "allreduce"),
    ("data_parallel", "allreduce"),
    ("data parallel", "allreduce"),
    ("ring", "allreduce"),
)
_NAMES = (
    "workers",
    "gpus",
    "nodes",
    "gpus_per_node",
    "batch_per_worker",
    "global_batch",
    "samples_per_s",
    "images_per_sec",
    "tokens_per_sec",
    "throughput",
    "step_time_ms",
    "efficiency",
    "speedup",
    "model",
    "strategy",
    "system",
    "source",
)


@dataclass(frozen=True)
class Word:
    """What a column's name says.

    ``of`` is whose rate it is, ``unit_s`` the seconds of a stated unit of time, None where none is;
    ``tokens`` where tokens are counted and not samples.
    """

    meaning: Meaning
    of: Share = "all"
    unit_s: float | None = None
    tokens: bool = False


def plainly(name: str) -> str:
    """A name in small letters with single spaces, its brackets opened."""
    text = re.sub(r"<br ?/?>|[_\-–.()\[\]*`:=]", " ", name.lower().replace("#", " number "))
    return re.sub(r"\s+", " ", text).strip()


def word(name: str) -> Word | None:
    """What a column of this name holds; None where that is not known."""
    text = plainly(name)
    if text in get_args(Meaning):
        # Its exact name, whatever else could be read from it.
        return Word(text)  # type: ignore[arg-type]
    for meaning, pattern in _COMPILED:
        if pattern.search(text):
            return Word(meaning, _share(text), unit_s(text), bool(_TOKENS.search(text)))
    return None


def unit_s(text: str) -> float | None:
    """Seconds of the unit of time that is named, if one is."""
    return next((seconds for pattern, seconds in _UNITS_S if pattern.search(text)), None)


def wide_count(name: str) -> tuple[int, bool] | None:
    """The number that a column of a wide table is headed with, and whether it counts nodes."""
    found = _WIDE.match(plainly(name))
    if found is None or int(found[1]) == 0:
        return None
    return int(found[1]), found[3] is not None


def hinted(text: str) -> Strategy | None:
    """The strategy that a name is one of, or hints at."""
    lowered = text.lower()
    for strategy in STRATEGIES:
        if lowered == strategy:
            return strategy
    if lowered in ("ps", "ps sync", "ps_sync"):
        return "ps-sync"
    return next((strategy for hint, strategy in _HINTS if hint in lowered), None)


def nearest(name: str) -> str | None:
    """The word that an unknown column's name is most like."""
    near = get_close_matches("_".join(plainly(name).split()), _NAMES, n=1, cutoff=0.7)
    return near[0] if near else None


def _share(text: str) -> Share:
    if _OF_WORKER.search(text):
        return "worker"
    return "node" if _OF_NODE.search(text) else "all"
