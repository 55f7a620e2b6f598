"""Tables as other programs write them, from ``samples``."""

from __future__ import annotations

from pathlib import Path

SAMPLES = Path(__file__).with_name("samples")
#: Outputs as people post them; ``README.md`` there says whose they are like.
POSTED = Path(__file__).with_name("posted")
FILES = sorted(path.name for path in SAMPLES.iterdir() if path.suffix != ".md")
