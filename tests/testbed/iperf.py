"""What TCP gets through between two hosts, by iperf3: a tool that is not ours."""

from __future__ import annotations

import json
import math
import shutil
import subprocess

from tests.testbed.hosts import Host
from tests.testbed.namespaces import HostsFailed

#: Connecting, and a server that waits for the client to come.
SLACK_S = 20.0


def unavailable() -> str:
    """Why iperf3 cannot be had here; "" if it can."""
    return "" if shutil.which("iperf3") else "iperf3 missing"


def iperf_mbit(server: Host, client: Host, seconds: float) -> float:
    """Rate in Mbit/s (1e6 bits) at which one TCP flow arrived at the server, headers not counted.

    Args:
        server: the host that receives.
        client: the host that sends.
        seconds: for how long; iperf3 knows whole ones, so it is rounded up.

    Raises:
        HostsFailed: iperf3 failed; its own words are given.
    """
    with server.popen(
        ["iperf3", "--server", "--one-off", "--forceflush", "--bind", server.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as serving:
        try:
            assert serving.stdout is not None
            said = ""
            while "listening" not in said:
                said = serving.stdout.readline()
                if not said:
                    raise HostsFailed(f"iperf3 does not serve on {server.address}")
            done = client.run(
                ["iperf3", "--client", server.address, "--time", str(math.ceil(seconds)), "--json"],
                capture_output=True,
                timeout=seconds + SLACK_S,
            )
        finally:
            serving.kill()
    # Some versions end with status 0 after an error, and tell it in the document.
    told = json.loads(done.stdout or "{}")
    if done.returncode != 0 or "error" in told:
        raise HostsFailed(f"iperf3: {told.get('error', done.stderr.strip())}")
    return float(told["end"]["sum_received"]["bits_per_second"]) / 1e6
