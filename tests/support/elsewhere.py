"""Elsewhere: a process that finds none of what only Linux has; ``python -m … darwin|win32``.

Started as ``python -m tests.support.elsewhere PLATFORM``, it reads command lines as JSON from its
input, runs each as `scale` would, and answers with their exit codes as JSON on the last line.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

#: Modules that Windows or macOS lack.
MODULES = ("resource", "fcntl", "termios", "pwd", "grp", "spwd", "posix_spawn")
#: Functions of `os` that Windows lacks, or macOS.
FUNCTIONS = (
    "fork", "forkpty", "register_at_fork", "posix_spawn", "posix_spawnp", "wait", "wait3", "wait4",
    "waitpid", "kill_pg", "killpg", "setsid", "getuid", "geteuid", "getgid", "getegid", "getpgid",
    "setpgid", "uname", "sysconf", "sysconf_names", "statvfs", "mkfifo", "fchmod", "sched_yield",
    "sched_getaffinity", "sched_setaffinity", "getloadavg", "memfd_create", "pidfd_open", "nice",
    "unshare", "setns", "getrandom", "posix_fadvise", "sendfile", "eventfd",
)  # fmt: skip
#: Made for this platform, whose name they ask for when they are imported.
BUILT = (
    "concurrent.futures.process", "matplotlib.pyplot", "matplotlib.backends.backend_agg",
    "multiprocessing.connection", "numpy", "pydantic", "rich.console",
    "scipy.optimize", "scipy.stats", "simpy", "typer.rich_utils",
)  # fmt: skip
#: Of Linux alone.
FOLDERS = ("/proc", "/sys", "/run", "/var/run/netns")


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: nothing below those folders is there, and nothing starts a process."""
    if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith(FOLDERS):
        raise FileNotFoundError(2, "hidden by a test", str(arguments[0]))
    if event in ("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "subprocess.Popen"):
        raise OSError(f"{event}: hidden by a test")


def hide(platform: str) -> None:
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for name in FUNCTIONS:
        if hasattr(os, name):
            delattr(os, name)
    sys.addaudithook(refuse)
    sys.platform = platform


def main() -> None:
    commands = json.loads(sys.stdin.read())
    for name in BUILT:
        importlib.import_module(name)
    hide(sys.argv[1])
    from nworkers.cli import app

    codes = []
    for command in commands:
        codes.append(app.run(command))
    print(json.dumps(codes), file=sys.stderr)


if __name__ == "__main__":
    main()
