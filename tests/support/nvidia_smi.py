"""What nvidia-smi prints of some hosts, and a command that prints it."""

from __future__ import annotations

from pathlib import Path

H100 = (
    "0, GPU-8c2f0b1e-6a1d-5d0b-9c55-1d7f4a3b2c10, NVIDIA H100 80GB HBM3, 570.86.15, 81559, 4, "
    "1980, 345, 700.00\n"
)
TWO = (
    "0, GPU-39925fa6-82f0-0e13-dd28-aa4be2048287, NVIDIA A100-SXM4-80GB, 535.104.05, 81920, 0, "
    "1410, 210, 400.00\n"
    "1, GPU-5d1f6bb2-0c6e-4e0c-8f58-21e0e8f3cb11, NVIDIA A100-SXM4-80GB, 535.104.05, 81920, 36537, "
    "1410, 1275, 400.00\n"
)


def put_command(folder: Path, gpus: str, processes: str) -> None:
    """An ``nvidia-smi`` in the folder that answers both questions that are asked of it."""
    command = folder / "nvidia-smi"
    command.write_text(
        f"#!/bin/sh\ncase $1 in --query-gpu*) printf '{gpus}';; *) echo '{processes}';; esac\n"
    )
    command.chmod(0o755)
