"""The figures of docs/calibration.md, by hand and as root: ``python -m benchmarks.calibration``."""
