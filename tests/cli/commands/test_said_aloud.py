"""First lines as a reader hears them: of one worker, of ties, of the baseline itself."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run

BIG = ("--workload", "resnet-50", "--batch", "65536", "--scaling", "weak")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            ("breakeven", "--max-workers", "1", *BIG),
            "1 worker does not beat one process: it trains ",
        ),
        (
            ("predict", "--workers", "2", "--baseline", "2", *BIG),
            "2 workers are the baseline itself; each step spends 100 % on computing.",
        ),
        (
            ("breakeven", "--max-workers", "2", "--baseline", "2", *BIG),
            "No number of workers up to 2 beats 2 workers: none is faster than those 2, and each ",
        ),
        (
            ("breakeven", "--max-workers", "2", *BIG, "--vs", "--link 10gbit"),
            "No other way is faster than what is asked, with 2 workers; --link 10gbit is as fast ",
        ),
        (
            ("solve", "latency", "--workers", "2", *BIG),
            "2 workers beat one process with a latency of 5.78 s too, 1000 times today's; none ",
        ),
        (
            ("solve", "batch", "--workers", "1", "--workload", "resnet-50"),
            "Not possible: at best, with a batch of 16777216, 1 worker reaches ",
        ),
    ],
)
def test_a_first_line_reads_well(run: Run, asked: tuple[str, ...], words: str) -> None:
    done = run(*asked)
    assert done.code == 0
    # Lines break where a terminal ends.
    assert " ".join(done.out.split()).startswith(words)


def test_owned_workers_are_no_question_to_themselves(run: Run) -> None:
    done = run("solve", "batch", "--workers", "2", "--baseline", "2", *BIG)
    assert done.code == 2
    assert "--workers: got 2; allowed: another number than that of the --baseline" in done.err
