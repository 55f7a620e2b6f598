"""Defaults: what a question is about where it does not say."""

from __future__ import annotations

#: A shipped profile, for those who have not measured their own hardware.
DEFAULT_PROFILE = "emulated-1gbit"
DEFAULT_WORKLOAD = "gemm:128,256"
DEFAULT_BATCH = 32
