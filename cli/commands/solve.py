"""The command ``scale solve``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from nworkers.cli.asked.aim_options import real
from nworkers.cli.asked.command_line import command
from nworkers.cli.asked.options import Json, Options, integer, number, shared
from nworkers.models.base.choices import choice
from nworkers.models.base.errors import Contradiction
from nworkers.models.records.solved import SOUGHT, Bracket, FasterDevice, WayOut, goal_of

TargetSpeedup = Annotated[
    str | None,
    typer.Option(
        metavar="X", help="Speed-up over the baseline to reach; by default 1, break-even."
    ),
]


@shared
def solve(
    what: Annotated[str, typer.Argument(metavar="WHAT", help=f"One of {', '.join(SOUGHT)}.")],
    workers: Annotated[str, typer.Option(metavar="N", help="Number of workers.")],
    options: Options,
    target_speedup: TargetSpeedup = None,
    overhead: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="Instead: the largest share of a step that is not computing, such as 0.2.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    from nworkers.models.records.scenario import MAX_WORKERS

    sought = choice("WHAT", what, SOUGHT)
    count = integer("--workers", workers, 1, MAX_WORKERS)
    if overhead is not None and target_speedup is not None:
        raise Contradiction("overhead", overhead, "target_speedup")
    target = 1.0 if target_speedup is None else real("target_speedup", target_speedup)
    share = None if overhead is None else number("--overhead", overhead, 0.001, 0.999)
    goal = goal_of(target, share)
    from nworkers.cli.asked.asked_job import job_request
    from nworkers.cli.shown import console, solve_text
    from nworkers.cli.shown.progress import ProgressLine
    from nworkers.simulator.decide.solve import solve as solved

    with ProgressLine("solving") as progress:

        def known(part: Bracket | WayOut | FasterDevice) -> None:
            progress.know(solve_text.so_far(goal, part), alone=isinstance(part, Bracket))

        answer = solved(
            job_request(options),
            sought,
            workers=count,
            target_speedup=target,
            overhead=share,
            progress=progress.update,
            known=known,
        )
    ask = partial(command, "predict", options)
    if json:
        from nworkers.cli.shown import json_view, solve_json

        json_view.emit(solve_json.solved(answer, ask))
    else:
        console.show(solve_text.solved(answer, ask))
