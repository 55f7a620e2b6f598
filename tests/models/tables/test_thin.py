"""Long tables: some rows stand for all, and the answer is the same in a hundredth of the time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nworkers.models.tables.components.thin import MOST_ROWS, thinned
from nworkers.models.tables.detect import read_table
from nworkers.models.tables.formats.csv_throughput import read

ROWS = 300_000
SIZES = (4, 1024, 65_536, 1 << 20, 1 << 24)
#: Runs a command on a file, and says how many times as much processor time it took as to split the
#: file's lines; what starting takes is left out.
COMPARED = """
import csv, resource, sys
import scipy.optimize, nworkers.simulator.study.steady
from nworkers.cli import app

def spent():
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])

begun = spent()
with open(sys.argv[2]) as file:
    for _ in csv.reader(file):
        pass
read = spent()
sys.argv[0] = "scale"
code = app.main()
print((spent() - read) / (read - begun), file=sys.stderr)
sys.exit(code)
"""
#: Three seconds on a machine that splits these lines in 0.1 s.
MOST_TIMES = 30.0


def test_a_short_table_is_as_it_was() -> None:
    cells = {"a": [(2.0, 1), (1.0, 2)], "b": [(3.0, 3)]}
    assert thinned(cells) == cells


def test_each_cell_keeps_its_share_its_median_and_its_spread() -> None:
    rng = np.random.default_rng(1)
    many = [(float(v), k) for k, v in enumerate(rng.lognormal(size=90_000))]
    some = [(float(v), k) for k, v in enumerate(rng.lognormal(size=10_000))]
    kept = thinned({"many": many, "some": some, "one": [(1.0, 7)]})
    assert [len(rows) for rows in kept.values()] == [1799, 199, 1]
    for cell, rows in (("many", many), ("some", some)):
        for q in (0.1, 0.5, 0.9):
            found, wanted = (np.quantile([v for v, _ in r], q) for r in (kept[cell], rows))
            assert found == pytest.approx(wanted, rel=0.02)


def test_whole_rounds_are_kept() -> None:
    cells = {(size, k): [(1.0, k)] for k in range(2_000) for size in SIZES}
    kept = thinned(cells, lambda cell: cell[1])
    rounds = {k for _, k in kept}
    assert len(rounds) == MOST_ROWS // len(SIZES)
    assert {(size, k) for k in rounds for size in SIZES} == set(kept)


def times(path: Path, sizes: tuple[int, ...] = SIZES) -> Path:
    rng = np.random.default_rng(1)
    drawn = rng.choice(sizes, size=ROWS).tolist()
    noise = rng.uniform(0.9, 1.1, ROWS).tolist()
    lines = (
        f"allreduce,{(1e-4 + size * 1e-9) * f:.6g},{size},4\n"
        for size, f in zip(drawn, noise, strict=True)
    )
    path.write_text("quantity,seconds,size_bytes,workers\n" + "".join(lines))
    return path


def throughputs(path: Path) -> Path:
    rng = np.random.default_rng(1)
    workers = rng.choice((1, 2, 4, 8, 16), size=ROWS)
    rates = workers * 100 / (1 + 0.02 * workers) * rng.uniform(0.97, 1.03, ROWS)
    header = "model,strategy,batch_per_worker,workers,samples_per_s\n"
    lines = (
        f"resnet50,allreduce,32,{n},{rate:.3f}\n"
        for n, rate in zip(workers.tolist(), rates.tolist(), strict=True)
    )
    path.write_text(header + "".join(lines))
    return path


@pytest.mark.parametrize("kind", ["times", "sizes", "throughputs"])
def test_three_hundred_thousand_rows_take_few_times_their_reading(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "long.csv"
    if kind == "throughputs":
        throughputs(path)
    else:
        times(path, SIZES if kind == "times" else tuple(range(4, 4_000_000, 7)))
    done = subprocess.run(
        [sys.executable, "-c", COMPARED, "fit", str(path), "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert float(done.stderr.split()[-1]) < MOST_TIMES
    assert "of 300,000 rows " in done.stdout


def test_every_row_is_checked_before_it_is_left_out(tmp_path: Path) -> None:
    text = times(tmp_path / "long.csv").read_text()
    with pytest.raises(ValueError, match='line 300002: seconds: got "nan"'):
        read_table(text + "allreduce,nan,4,4\n", "long.csv")
    with pytest.raises(ValueError, match="line 300002: got 3 columns; allowed: 4"):
        read_table(text + "allreduce,1,4\n", "long.csv")


def test_remarks_quotes_and_spaces() -> None:
    text = (
        "# a remark\n model , strategy,batch_per_worker,workers,samples_per_s\n"
        '"a, b" ,allreduce, 32,1, 100\n\n"a, b",allreduce,32,2 ,190\n'
    )
    rows = read(text, "it.csv").rows
    assert [(row.model, row.workers, row.samples_per_s) for row in rows] == [
        ("a, b", 1, 100.0),
        ("a, b", 2, 190.0),
    ]
