"""Bring emulated hosts up by hand, look around or run a command, and have them taken down."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import NoReturn

from tests.testbed.hosts import MOST_HOSTS, Host, Network, bring_up
from tests.testbed.namespaces import HostsFailed

BAD_INPUT, FAILED, INTERRUPTED = 2, 3, 130
LOOK_S = 0.2

EPILOG = f"""\
The command runs outside of the hosts, with these in its environment:
  TESTBED_HOSTS                       how many hosts there are
  TESTBED_NAMESPACES                  their namespaces, separated by spaces
  TESTBED_ADDRESSES                   their addresses, separated by spaces
  TESTBED_NAMESPACE0, TESTBED_ADDRESS0, …   those of each host

Exit status: the command's own; 0 after Ctrl-C without a command; {BAD_INPUT} for bad usage;
{FAILED} if hosts cannot be had here or broke; {INTERRUPTED} if a command was interrupted.

Examples:
  python -m tests.testbed --hosts 3 --rate-mbit 200 --delay-ms 2
  python -m tests.testbed --hosts 2 --rate-mbit 1000,100
  python -m tests.testbed --hosts 2 --rate-mbit 100 -- \\
      sh -c 'ip netns exec $TESTBED_NAMESPACE1 ping -c 3 $TESTBED_ADDRESS0'
"""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line; the usage would push it off the screen."""
        self.exit(BAD_INPUT, f"{self.prog}: {message}; see --help\n")


def rates(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def parser() -> Parser:
    made = Parser(
        prog="python -m tests.testbed",
        description="Emulated hosts on this machine, each with an address and a shaped link of "
        "its own. Linux and root are needed; the machine's own network is not touched.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument(
        "--hosts", type=int, default=2, metavar="N", help=f"from 1 to {MOST_HOSTS} (default 2)"
    )
    made.add_argument(
        "--rate-mbit",
        type=rates,
        default=[1000.0],
        metavar="RATE[,RATE…]",
        help="rate of each link in each direction, Mbit/s: one for all hosts, or one for each "
        "(default 1000)",
    )
    made.add_argument(
        "--delay-ms",
        type=float,
        default=0.0,
        metavar="MS",
        help="what a packet from one host to another takes beside the rate; a round trip takes "
        "twice as much (default 0)",
    )
    made.add_argument("command", nargs="*", metavar="-- COMMAND", help="run this, then take down")
    return made


def environment(hosts: tuple[Host, ...]) -> dict[str, str]:
    """Where the hosts are, for a command."""
    told = {
        "TESTBED_HOSTS": str(len(hosts)),
        "TESTBED_NAMESPACES": " ".join(host.namespace for host in hosts),
        "TESTBED_ADDRESSES": " ".join(host.address for host in hosts),
    }
    for number, host in enumerate(hosts):
        told[f"TESTBED_NAMESPACE{number}"] = host.namespace
        told[f"TESTBED_ADDRESS{number}"] = host.address
    return told


def describe(hosts: tuple[Host, ...]) -> str:
    """The hosts, and commands to copy."""
    lines = [f"{'namespace':<20}address"]
    lines += [f"{host.namespace:<20}{host.address}" for host in hosts]
    lines += ["", "A shell on each host:"]
    lines += [f"  ip netns exec {host.namespace} bash" for host in hosts]
    first, last = hosts[0], hosts[-1]
    lines += [
        "What TCP gets through, with iperf3:",
        f"  ip netns exec {first.namespace} iperf3 -s -1 -D",
        f"  ip netns exec {last.namespace} iperf3 -c {first.address} -t 5",
        "Cut a host off, and plug it in again:",
        f"  ip -n {last.switch} link set {last.port} down",
        f"  ip -n {last.switch} link set {last.port} up",
    ]
    return "\n".join(lines)


def run(network: Network, command: list[str]) -> int:
    """Run a command to its end, unless the hosts break first; its status as a shell tells it."""
    with subprocess.Popen(command, env={**os.environ, **environment(network.hosts)}) as process:
        try:
            while True:
                try:
                    status = process.wait(LOOK_S)
                    return status if status >= 0 else 128 - status
                except subprocess.TimeoutExpired:
                    network.check()
        except BaseException:
            process.terminate()
            raise


def stay(network: Network) -> int:
    """Wait for Ctrl-C, which is how this is meant to end."""
    try:
        print(describe(network.hosts))
        print("\nUp until Ctrl-C.", flush=True)
        while True:
            network.check()
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        return 0


def main(arguments: list[str]) -> int:
    made = parser()
    told = made.parse_args(arguments)
    if told.command and shutil.which(told.command[0]) is None:
        made.error(f"no such command: {told.command[0]}")
    rate_mbit = told.rate_mbit if len(told.rate_mbit) > 1 else told.rate_mbit[0]
    try:
        with bring_up(told.hosts, rate_mbit=rate_mbit, delay_ms=told.delay_ms) as network:
            return run(network, told.command) if told.command else stay(network)
    except ValueError as error:
        made.error(str(error))
    except HostsFailed as error:
        print(f"{made.prog}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    # An ordinary kill takes the hosts down, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main(sys.argv[1:]))
