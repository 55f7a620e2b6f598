"""Defaults: what a question is about where it does not say."""

from __future__ import annotations

#: A shipped profile, for those who have not measured their own hardware.
DEFAULT_PROFILE = "emulated-1gbit"
#: A shipped profile of one host: what TensorFlow's software takes where no wire is in its way.
SOFTWARE_PROFILE = "loopback-2core"
DEFAULT_WORKLOAD = "gemm:128,256"
DEFAULT_BATCH = 32
