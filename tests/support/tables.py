"""Tables as other programs write them, from ``samples``."""

from __future__ import annotations

from pathlib import Path

SAMPLES = Path(__file__).with_name("samples")
FILES = sorted(path.name for path in SAMPLES.iterdir() if path.suffix != ".md")
