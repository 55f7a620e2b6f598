"""Schema 1: what files of version 1.x hold, as version 2.0 has it.

Version 1 kept the first segment of a path and of products in fields of their own, told a parameter
that was not identified by a flag, and had other names for some fields.
"""

from __future__ import annotations

from typing import Any

#: Fields that have another name now.
_RENAMED: dict[str, str] = {
    "kernel_share": "os_overhead_share",
    "uneven": "flow_weights",
    "rest_s": "idle_s",
}
_PATH = {"latency_s", "per_tensor_s", "bandwidth_bytes_per_s"}


def converted(value: object) -> Any:
    """A value of a document of version 1.x, as version 2.0 has it.

    What is no record of version 1 stays as it is: whether it is right is for the reader to check.
    """
    if isinstance(value, list):
        # Of numbers there are a hundred thousand, and none has changed.
        return [converted(v) for v in value] if any(isinstance(v, dict) for v in value) else value
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {_renamed(name): converted(item) for name, item in value.items()}
    if "identified" in found and "draws" in found:
        return _parameter(found)
    if found.keys() >= _PATH:
        return _path(found)
    return _device(found) if "gemm_flops_per_s" in found and "name" in found else found


def _renamed(name: str) -> str:
    return _RENAMED.get(name, name)


def _parameter(old: dict[str, Any]) -> dict[str, Any]:
    new = {name: value for name, value in old.items() if name != "identified"}
    if old["identified"] is not False or "estimate" not in old:
        return new
    small = new.pop("estimate")
    new.pop("interval", None)
    return {"too_small_to_see": small} | new


def _path(old: dict[str, Any]) -> dict[str, Any]:
    first = {
        "from_bytes": 0.0,
        "latency_s": old["latency_s"],
        "bandwidth_bytes_per_s": old["bandwidth_bytes_per_s"],
    }
    moved = {"latency_s", "bandwidth_bytes_per_s"}
    new = {name: value for name, value in old.items() if name not in moved}
    return {"several_s": None} | new | {"segments": [first, *_listed(old.get("segments"))]}


def _device(old: dict[str, Any]) -> dict[str, Any]:
    first = {
        "from_flops": 0.0,
        "gemm_overhead_s": old.get("gemm_overhead_s"),
        "gemm_flops_per_s": old["gemm_flops_per_s"],
    }
    products = {
        "segments": [first, *_listed(old.get("gemm_segments"))],
        "law": old.get("gemm_law", "rate"),
        "bandwidth_bytes_per_s": old.get("gemm_bandwidth_bytes_per_s"),
    }
    moved = {
        "gemm_overhead_s",
        "gemm_flops_per_s",
        "gemm_segments",
        "gemm_law",
        "gemm_bandwidth_bytes_per_s",
    }
    return {name: value for name, value in old.items() if name not in moved} | {
        "products": products
    }


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
