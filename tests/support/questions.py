"""Questions: commands with options and files as people give them, and as nobody should.

An option has values that are right, odd or absurd. A file is a real one, or one that something has
happened to. Jobs are small where they are valid: a large one may take as long as it takes.
"""

from __future__ import annotations

import gzip
import json
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from nworkers.cli.asked.what_if_options import KINDS
from tests.kept.commands import FILES, ROOT, SUPPORT
from tests.support.measurements import measurement
from tests.support.tables import SAMPLES

SHIPPED = ROOT / "models" / "files"
#: Texts that no option expects.
ABSURD = (
    "", " ", "-", "--", "0", "-1", "1.5", "1e9", "1e400", "nan", "inf", "-inf", "9" * 400, "1_0",
    "٣", "0x10", "1,2,", ",", "×", "\x1b[31m", "\u202e1", "\udcff", "/dev/null", "/dev/zero", ".",
    "/", "no/such/file.json", "a" * 5000, "[" * 2000, "1,1,1,1", "NaN,1", "1=2", "=", "true",
)  # fmt: skip
#: Numbers and other values that stand in a file instead of what was there.
ODD_VALUES: tuple[Any, ...] = (
    float("nan"), float("inf"), -float("inf"), 0, -1, -0.0, 1e-320, 1e-300, 1e300, 10**30, 2**63,
    0.5, 1, 17, 1e9, "", "1", "text", "ps-async", "×\x1b[2J\u202e", "x" * 3000, None, True, False,
    [], {}, [[]], [1.0], [0.0, -1.0], {"a": {"b": []}}, "DEEP",
)  # fmt: skip
#: Parts of a what-if.
NUMBERS = (
    "0", "1", "2", "3", "0.1", "0.5", "1e-9", "1e9", "1e12", "5us", "1s", "3m", "1h", "1ns", "-1",
    "10GB/s", "1kB/s", "1MiB", "1B", "1e300", "1e-300", "ring", "tree", "size", "nan",
)  # fmt: skip
DEEP = "[" * 3000 + "]" * 3000
ODD_WORDS = (
    "nan", "inf", "-inf", "0", "-1", "1e999", "1e-320", "1e300", "-0", "", '"', "'", "null",
    "9" * 400,
    "1,2", "#", "[", "]", "{", "}", "=", "x", "\x00", "\x1b[2J", "\u202e", "1.5", "N/A", "...",
    "\t",
)  # fmt: skip

# Files


#: Training as if it had been measured, which no file has.
MEASURED = Path("measured.json")


@cache
def content(path: Path) -> bytes:
    if path == MEASURED:
        with tempfile.TemporaryDirectory() as folder:
            return measurement(Path(folder) / path, 3.0).read_bytes()
    data = path.read_bytes()
    if path == SCALING:
        return b"".join(data.splitlines(keepends=True)[:ROWS])
    return gzip.decompress(data) if path.suffix == ".gz" else data


PROFILES = (
    FILES["LOOPBACK"], FILES["NETWORK"], FILES["H100"], SHIPPED / "profiles" / "loopback-2core.json"
)  # fmt: skip
WORKLOADS = (FILES["CONVNET"], *sorted((SHIPPED / "workloads").glob("*.toml")))
TABLES = tuple(
    path for path in sorted(SAMPLES.iterdir()) if path.suffix in (".txt", ".json", ".csv")
)
#: Its first rows; more of them take longer to fit.
SCALING, ROWS = FILES["DAINT"], 5
#: A sweep, and what is left of one.
#: Step times of a run.
STEPS = SUPPORT / "examples" / "my-run.csv"
JOBS = SUPPORT / "examples" / "two-jobs.toml"
SWEEP, SWEPT = (SUPPORT / "examples" / f"small-sweep.{kind}" for kind in ("toml", "jsonl"))


@dataclass(frozen=True)
class Given:
    """A file of a question: which real one, and what happens to it, by seeds."""

    source: Path
    happens: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        return f"given{self.source.name.removesuffix('.gz').lstrip('0123456789-')}"

    def bytes(self) -> bytes:
        data = content(self.source)
        for what, seed in self.happens:
            data = MISHAPS[what](data, random.Random(seed))
        return data


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flip(data: bytes, rng: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 30)) if found else 0):
        found[rng.randrange(len(found))] = rng.randrange(256)
    return bytes(found)


def _lines(data: bytes, rng: random.Random) -> bytes:
    """Lines are repeated, lost, moved, or get others between them."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(5)
    if how == 0:
        lines[at:at] = [lines[at]] * rng.choice((1, 1, 2, 1000))
    elif how == 1:
        del lines[at : at + rng.choice((1, 1, 5))]
    elif how == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif how == 3:
        lines[at:at] = [rng.choice((b"\n", b"#\n", b"\xff\xfe\n", b",,,\n", b"1 2 3\n"))]
    else:
        lines = lines[at:] + lines[:at]
    return b"".join(lines)


def _words(data: bytes, rng: random.Random) -> bytes:
    """A word of some line becomes another."""
    lines = data.decode(errors="replace").split("\n")
    at = rng.randrange(len(lines))
    separator = "," if "," in lines[at] else " "
    words = lines[at].split(separator)
    places = [k for k, word in enumerate(words) if word.strip()]
    if places:
        words[rng.choice(places)] = rng.choice(ODD_WORDS)
    lines[at] = separator.join(words)
    return "\n".join(lines).encode(errors="replace")


def _values(data: bytes, rng: random.Random) -> bytes:
    """In a JSON document, values become others; in any other file, words."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict | list):
        return _words(data, rng)
    for _ in range(rng.choice((1, 1, 2, 5))):
        _change(document, rng)
    return json.dumps(document).replace('"DEEP"', DEEP).encode()


def _change(document: Any, rng: random.Random) -> None:
    """Change, remove or repeat one value, somewhere below."""
    at, depth = document, rng.randrange(1, 9)
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return
        key = rng.choice(keys)
        below = at[key]
        depth -= 1
        if depth <= 0 or not isinstance(below, dict | list) or not below:
            break
        at = below
    how = rng.randrange(6)
    if how == 0:
        del at[key]
    elif how == 1 and isinstance(at, list):
        at[key:key] = [at[key]] * rng.choice((1, 2, 50))
    elif how == 2 and isinstance(below, int | float) and not isinstance(below, bool):
        at[key] = below * rng.choice((-1, 0, 1e-9, 1e-3, 0.5, 2, 10, 1e3, 1e9, 1e18))
    elif how == 3 and isinstance(at, dict):
        at[rng.choice(("extra", "", "kind", "×", "schema_version", str(key).upper()))] = at.pop(key)
    else:
        at[key] = rng.choice(ODD_VALUES)


def _deep(data: bytes, rng: random.Random) -> bytes:
    """Somewhere, brackets within brackets, or a name of very many parts."""
    lines = data.splitlines(keepends=True)
    many = rng.choice((50, 3000, 30_000))
    said = rng.choice(
        (
            b"x = " + b"[" * many,
            b"x = " + b"{a=" * many,
            b"[" + b"a." * many + b"a]",
            b"a." * many + b"a = 1",
            *(character * many for character in (b"[", b"=", b'"', b"0", b",")),
        )
    )
    lines[(at := rng.randrange(len(lines) + 1)) : at] = [said, b"\n"]
    return b"".join(lines)


MISHAPS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": _cut,
    "deep": _deep,
    "flip": _flip,
    "lines": _lines,
    "words": _words,
    "values": _values,
}

_USUAL = [*MISHAPS, "values", "values", "values", "words"]
_MISHAP = st.tuples(st.sampled_from(_USUAL), st.integers(0, 2**32))


def given_file(*sources: Path) -> st.SearchStrategy[Given]:
    happens = st.one_of(
        st.just(()),
        st.just(()),
        _MISHAP.map(lambda one: (one,)),
        st.tuples(_MISHAP, _MISHAP),
    )
    return st.builds(Given, st.sampled_from(sources), happens)


# Commands


@dataclass(frozen=True)
class Ask:
    """A command line, in which files stand as they will be made."""

    words: tuple[str | Given, ...]

    def arguments(self, folder: Path) -> list[str]:
        """The command line, with its files made."""
        made = []
        for number, word in enumerate(self.words):
            if isinstance(word, Given):
                (folder / str(number)).mkdir()
                path = folder / str(number) / word.name
                path.write_bytes(word.bytes())
                made.append(str(path.relative_to(folder)))
            else:
                made.append(word)
        return made


Values = st.SearchStrategy[Any]


def _of(*values: str) -> Values:
    """One that is right, mostly."""
    return _mostly(st.sampled_from(values), st.sampled_from(ABSURD))


def _mostly(right: Values, wrong: Values) -> Values:
    return st.integers(0, 19).flatmap(lambda drawn: wrong if drawn == 19 else right)


def _options(table: dict[str, Values], required: dict[str, Values]) -> st.SearchStrategy[Any]:
    """Some of the options, with a value each."""

    def put(chosen: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(part for name, value in chosen.items() for part in _said(name, value))

    some = st.lists(st.sampled_from(sorted(table)), max_size=4, unique=True)
    return some.flatmap(
        lambda names: st.fixed_dictionaries(required | {name: table[name] for name in names})
    ).map(put)


def _said(name: str, value: Any) -> tuple[Any, ...]:
    if value is None:
        return (name,)  # a flag, or an option whose value was forgotten
    return (name, value)


_FLAG = st.just(None)
_NAMED = st.sampled_from(("loopback-2core", "emulated-1gbit"))
_PROFILE = _mostly(st.one_of(given_file(*PROFILES), _NAMED), st.sampled_from(ABSURD))
_WORKLOAD = st.one_of(
    _of("gemm:128,256", "mlp:784,512,10", "gemm:1,1", "gemm:4096,4096", "mlp:1,1", "gemm:1e9,1"),
    _of("wait:0.01,8,1000", "wait:1,1,1", "resnet-50", "vgg-16", "gemm:0,1", "mlp:9999999,9999999"),
    given_file(*WORKLOADS),
)


def _what_if() -> Values:
    """A what-if as its example has it, with other numbers, or with none that make sense."""
    names = st.sampled_from(sorted(KINDS))
    number = st.sampled_from(NUMBERS)
    odd = st.builds(
        lambda name, values: f"{name}={','.join(values)}",
        names,
        st.lists(number, min_size=1, max_size=3),
    )
    right = names.map(lambda name: KINDS[name].example)
    return _mostly(st.one_of(right, odd), st.one_of(names, st.sampled_from(ABSURD)))


_STEP_TIME = st.one_of(
    _of("120ms@64", "1ms@1", "0s@8", "-1ms@8", "1h@1", "120ms", "120@64", "1ns@2147483648", "@"),
    given_file(*WORKLOADS),
)
#: Quantities of most profiles or of some, and none; with values that fit some of them.
_PATHS = st.sampled_from(
    ("link.fetch.latency_s", "link.fetch.bandwidth_bytes_per_s", "host.cores", "noise.compute",
     "link.shared_bandwidth_bytes_per_s", "host.fetch_ps.per_byte_s", "device.dispatch_s",
     "device.gemm_flops_per_s", "link.push.after_fetch_s", "collective.latency_s",
     "link.fetch.latncy_s", "host.memory_bytes", "host.usable_share", "link.push.latency_s")
)  # fmt: skip
_AMOUNTS = st.sampled_from(
    ("50us", "0.5x", "×2", "1000000x", "1e-9x", "10GB/s", "8", "3%", "1e-30", "1TFLOP/s", "2ns/B",
     "0", "-1s", "nan", "1e308", "64GB", "x", "")
)  # fmt: skip
_SET = _mostly(
    st.builds(lambda path, amount: f"{path}={amount}", _PATHS, _AMOUNTS), st.sampled_from(ABSURD)
)
JOB: dict[str, Values] = {
    "--link": st.one_of(_NAMED, _PROFILE),
    "--workload": _WORKLOAD,
    "--batch": _of("1", "8", "32", "256", "65536", "1000000000"),
    "--strategy": _of("ps-async", "ps-sync", "allreduce"),
    "--runtime": _of("session", "coordinator", "mirrored"),
    "--scaling": _of("strong", "weak"),
    "--ps": _of("1", "2", "3", "16", "64"),
    "--placement": _of("shared", "separate"),
    "--hosts": _of("1", "2", "3"),
    "--workers-per-host": _of("1", "2", "4"),
    "--workers-per-gpu": _of("1", "2", "4"),
    "--device": _of("cpu", "gpu"),
    "--device-of": _of("h100", "emulated-1gbit"),
    "--ps-placement": _of("own", "shared"),
    "--baseline": _of("device", "host", "1", "2"),
    "--what-if": _what_if(),
    "--memory": _of("16GB", "1MB", "1GiB", "1B"),
    "--seed": _of("0", "1", "4294967295", "18446744073709551616"),
    "--step-time": _STEP_TIME,
    "--set": _SET,
    "--json": _FLAG,
    "--force": _FLAG,
}
_PICTURE = _of("a.png", "a.svg", "a.pdf", "a.gif", "no/a.png")
_TABLE = given_file(*TABLES, SCALING)


def _command(
    name: str, table: dict[str, Values], required: dict[str, Values], first: Values | None = None
) -> st.SearchStrategy[Ask]:
    words = st.tuples(first if first is not None else st.none(), _options(table, required))
    return words.map(
        lambda parts: Ask((*name.split(), *([] if parts[0] is None else [parts[0]]), *parts[1]))
    )


_CALIBRATION = {"--calibration": _PROFILE}
_FIT = {
    "--output": _of("out.json", "out.json", "no/out.json", "out.json.gz"),
    "--json": _FLAG,
    "--force": _FLAG,
}
_FIT_WIRE = _FIT | {"--base": _PROFILE, "--workers": _of("2", "4", "128")}
_FIT_SCALING = _FIT | {
    "--base": _PROFILE,
    "--workload": _WORKLOAD,
    "--system": _of("Piz-Daint-P100"),
    "--fit-to": _of("1", "2", "4"),
}
_DRAWS = {"--draws": _of("20", "50")}
_CURVE = _CALIBRATION | {"--max-workers": _of("1", "2", "3")}
_MIX = {"--mix": given_file(JOBS), "--max-workers": _of("1", "2", "3")}
_AIM = {
    "--target-speedup": _of("2", "1.5", "0.5", "1000000", "1e-300", "1e7"),
    "--samples-factor": _of("2", "0.5", "1e6", "1e-300"),
    "--noise-scale": _of("0", "1000", "1e300", "1e-300", "-0"),
}
_MONEY = {
    "--price-per-host-hour": _of("1", "0.9", "1e15", "1e-300", "-1"),
    "--capex-per-host": _of("9000", "1e-300", "-1"),
    "--capex-per-port": _of("700"),
    "--years": _of("3", "0.5", "1e-300", "100"),
    "--samples": _of("1e6", "1e15", "1e-300", "0"),
    "--deadline": _of("8h", "3d", "1s", "0d", "99999d", "8"),
    "--budget": _of("100", "1e15", "1e-300", "0"),
}
_PUBLISHED = {"--json": _FLAG, "--tolerance": _of("0.1")}
_ROWS = _of("rows.jsonl", "rows.jsonl", "no/rows.jsonl")
_SWEEP = {"--shard": _of("1/2", "2/2"), "--json": _FLAG, "--resume": _FLAG, "--force": _FLAG}
_PLAIN = [("--help",), ("--version",), ("predict", "--help"), ("plot",), ("frob",), ()]
COMMANDS: dict[str, st.SearchStrategy[Ask]] = {
    "predict": _command(
        "predict",
        JOB | {"--trace": _of("t.json", "no/t.json"), "--settings": _FLAG},
        _CALIBRATION | {"--workers": _of("1", "2", "3", "1,2", "4")},
    ),
    "breakeven": st.one_of(
        _command("breakeven", JOB | _AIM | _MONEY, _CURVE),
        _command("breakeven", JOB | _AIM | _MONEY, _CURVE),
        _command("breakeven", JOB | _AIM | {"--plot": _PICTURE}, _MIX),
    ),
    "solve": _command(
        "solve",
        JOB | {"--target-speedup": _of("1", "2", "0.5"), "--overhead": _of("0.2", "50%")},
        _CALIBRATION | {"--workers": _of("1", "2", "3", "4")},
        _of("batch", "latency", "bandwidth", "dispatch", "ps", "strategy", "device"),
    ),
    "next": _command("next", JOB, _CALIBRATION | {"--workers": _of("1", "2", "3")}),
    "explain": _command(
        "explain",
        JOB | {"--measured": given_file(STEPS, *TABLES)},
        _CALIBRATION | {"--workers": _of("1", "2", "3")},
    ),
    "fit": st.one_of(
        _command("fit", _FIT_WIRE, {}, given_file(*TABLES)),
        _command("fit", _FIT_SCALING, {}, given_file(SCALING)),
        _command("fit", _FIT_SCALING | _FIT_WIRE | _DRAWS, {}, _TABLE),
        _command("fit", _FIT | _DRAWS, {"--draws": _of("20", "50")}, given_file(FILES["H100"])),
    ),
    "others": st.one_of(
        _command("plot breakeven", JOB, _CURVE | {"-o": _PICTURE}),
        _command("plot options", JOB, {"--vs": _of("--ps 2", "--batch 8"), "-o": _PICTURE}),
        _command(
            "plot breakdown",
            JOB | {"--size": _of("small", "tall")},
            {"--workers": _of("1", "1,2,3"), "-o": _PICTURE},
        ),
        _command("plot timeline", JOB, {"--workers": _of("1", "2", "3"), "-o": _PICTURE}),
        _command("plot sensitivities", JOB, {"--workers": _of("2"), "-o": _PICTURE}),
        _command(
            "plot validation",
            JOB,
            {"--workers": _of("1,2"), "-o": _PICTURE},
            given_file(MEASURED, *TABLES),
        ),
        _command("plot fit", {"--force": _FLAG}, {"-o": _PICTURE}, given_file(FILES["H100"])),
        _command(
            "plot sweep", {"--where": _of("batch=8", "seed=1")}, {"-o": _PICTURE}, given_file(SWEPT)
        ),
        _command("sweep", _SWEEP, {"--jobs": _of("1"), "-o": _ROWS}, given_file(SWEEP)),
        # With a table of its own it takes minutes, and with real training too.
        _command("validate --published", _PUBLISHED, {"--workers": _of("1")}),
        _command("predict", {"--wokers": _of("1")}, {"--wokers": _FLAG}),
        _command(
            "validate", JOB, {"--measured": given_file(MEASURED, *TABLES), "--workers": _of("1,2")}
        ),
        _command("calibrate", {"--batch": _of("0")}, {"--output": st.just("no/a.json")}),
        _command("models", {"--json": _FLAG, "--all": _FLAG}, {}),
        st.sampled_from(_PLAIN).map(Ask),
        st.lists(st.sampled_from(ABSURD), max_size=3).map(lambda words: Ask(tuple(words))),
    ),
}
