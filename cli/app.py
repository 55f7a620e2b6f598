"""App: a command from the start of its process to its exit code, whatever happens on the way."""

from __future__ import annotations

import sys

from nworkers.cli import interrupt

BAD_INPUT = 2
HARDWARE = 3
INTERNAL_ERROR = 70
#: What the end of a command says.
EXIT_CODES = {
    0: "done",
    1: "a check that was asked for did not hold",
    BAD_INPUT: "bad usage or bad input; a stdout that is full or closed is one too",
    HARDWARE: "the hardware, the cluster or the installed software failed",
    INTERNAL_ERROR: "a defect in scale",
    interrupt.INTERRUPTED: "interrupted, by Ctrl-C or SIGTERM",
}


def main() -> int:
    """Run the command that this process was started for; the exit code."""
    interrupt.watch()
    from nworkers.cli.shown import streams

    streams.open_all()
    code = run(sys.argv[1:])
    if unwritten := streams.unwritten():
        code = code if code > 1 else _fail(unwritten, BAD_INPUT)
    # What is left is to end: there is nothing to interrupt any more.
    interrupt.ignore()
    return code


def run(arguments: list[str]) -> int:
    """Run a command; whatever goes wrong is one line on stderr and an exit code."""
    import gc
    import os

    # Most of what imports allocate lives on; scanning it every 700 objects takes a tenth of the
    # time of a prediction, and once as long as importing 20 modules.
    gc.set_threshold(200_000)
    import typer

    from nworkers.cli.tree import app
    from nworkers.models.base.errors import HardwareError, InputError

    # Whoever reads a document reads why there is none as one too.
    as_json = "--json" in arguments or "--jsonl" in arguments
    # What typer raises for bad usage, wherever the version at hand keeps that class.
    usage_error: type[Exception] = typer.BadParameter.__bases__[0]
    try:
        code = app(args=arguments, prog_name="scale", standalone_mode=False)
        # Some versions of typer make an exit code of a KeyboardInterrupt.
        if code == interrupt.INTERRUPTED or interrupt.came():
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except InputError as error:
        from nworkers.cli.asked.options import option_of

        line, parts = error.worded(option_of), error.parts(option_of)
        return _fail(line, BAD_INPUT, parts, as_json=as_json)
    except usage_error as error:
        return _fail(_usage(error), BAD_INPUT, (_misused(error), None, None), as_json=as_json)
    except HardwareError as error:
        return _fail(str(error), HARDWARE, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(interrupt.WORD, interrupt.INTERRUPTED)
    except Exception as error:
        # An interrupt within an import may come out as another error.
        if os.environ.get("SCALE_TRACEBACK") and not interrupt.came():
            raise
        where = f"{type(error).__name__}: {error}"
        line = f"a defect in scale: {where}; SCALE_TRACEBACK=1 shows all"
        return _fail(line, INTERNAL_ERROR, as_json=as_json)


def _usage(error: Exception) -> str:
    """One line for what typer reports over several."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "scale"
    if message.endswith("?"):
        return f"{message} See {command} --help"
    return f"{message.rstrip('.')}; see {command} --help"


def _misused(error: Exception) -> str | None:
    """The option or argument that typer reports, where it names one."""
    option = getattr(error, "option_name", None)
    parameter = getattr(error, "param", None)
    if option is None and parameter is not None:
        option = "/".join(getattr(parameter, "opts", ())) or getattr(parameter, "name", None)
    return None if option is None else str(option)


def _fail(
    message: str,
    code: int,
    parts: tuple[str | None, str | None, str | None] = (None, None, None),
    *,
    as_json: bool = False,
) -> int:
    if interrupt.came():
        message, code, as_json = interrupt.WORD, interrupt.INTERRUPTED, False
    from nworkers.cli.shown import console
    from nworkers.cli.shown.tone import Tone
    from nworkers.cli.shown.visible import one_line
    from nworkers.models.base.errors import cut

    line = cut(one_line(" ".join(message.split())))
    if as_json:
        from nworkers.cli.shown import error_json

        console.emit_json(error_json.document(line, code, *parts))
    head = "scale: error:"
    console.beside(head, cut(f"{head} {line}").removeprefix(f"{head} "), Tone.BAD)
    return code
