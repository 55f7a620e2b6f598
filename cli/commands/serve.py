"""The command ``scale serve``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nworkers.cli import interrupt
from nworkers.cli.asked.options import duration, integer, named_path
from nworkers.cli.shown import console

if TYPE_CHECKING:
    from nworkers.calibrate.cluster.membership import Membership


def serve(
    port: Annotated[
        str, typer.Option(metavar="PORT", help="The port that the coordinator will be given.")
    ],
    connect_timeout: Annotated[
        str | None,
        typer.Option(metavar="T", help="How long to wait for a coordinator; for ever by default."),
    ] = None,
    logs: Annotated[
        Path, typer.Option(parser=named_path, metavar="DIR", help="Logs of the task.")
    ] = Path("scale-serve.logs"),
) -> None:
    from nworkers.models.files.atomic_write import made_folder

    wait_s = None if connect_timeout is None else duration("--connect-timeout", connect_timeout)
    _serve(integer("--port", port, 1, 65_535), made_folder(logs, "logs"), wait_s)


def join(found: Membership, logs: Path, connect_timeout_s: float) -> None:
    """Be a task of a cluster that another process measures."""
    from nworkers.calibrate.cluster.membership import host_port

    console.note(
        f"{found.source}: this is {found.job}{found.index} of {len(found.ps)} ps and "
        f"{len(found.workers)} workers; {found.coordinator} measures and writes the result"
    )
    _serve(host_port(found.address)[1], logs, connect_timeout_s)


def _serve(port: int, logs: Path, connect_timeout_s: float | None) -> None:
    """Serve one command, given elsewhere, as a task of this host."""
    from nworkers.calibrate.training.runtime import UNASSIGNED

    UNASSIGNED.framework.require()
    from nworkers.calibrate.cluster.node import serve_node

    console.note(
        f"serving on port {port}, every interface, without authentication: whoever reaches it can "
        f"run any TensorFlow graph here; logs in {logs}"
    )
    interrupt.tidy_first()
    serve_node(port, logs=logs, connect_timeout_s=connect_timeout_s, say=console.note)
    console.note("the coordinator is done")
