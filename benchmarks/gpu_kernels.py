"""List TensorFlow's GPU kernels for tests: `python -m benchmarks.gpu_kernels`.

Needs a TensorFlow with CUDA, but no GPU: kernels are registered when it is imported. A kernel of
any device (DEFAULT) serves a GPU too. Kernels that only ask for a label are left out.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path

FILE = Path(__file__).parents[1] / "tests" / "support" / "gpu_kernels.json.gz"


def main() -> None:
    """Writes ``{"version": …, "kernels": {op: [{attribute: [types]}]}}``."""
    import tensorflow as tf
    from tensorflow.python.framework import kernels

    if not tf.sysconfig.get_build_info()["is_cuda_build"]:
        raise SystemExit("this TensorFlow has no CUDA, and so no kernels of a GPU")
    found: dict[str, list[dict[str, list[str]]]] = defaultdict(list)
    for kernel in kernels.get_all_registered_kernels().kernel:
        if kernel.device_type not in ("GPU", "DEFAULT") or kernel.label:
            continue
        allowed = {
            c.name: [tf.as_dtype(t).name for t in c.allowed_values.list.type]
            for c in kernel.constraint
        }
        if allowed not in found[kernel.op]:
            found[kernel.op].append(allowed)
    made = {"version": tf.version.VERSION, "kernels": dict(sorted(found.items()))}
    text = json.dumps(made, separators=(",", ":"))
    FILE.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{len(found)} ops of TensorFlow {made['version']}: {FILE.name}")


if __name__ == "__main__":
    main()
