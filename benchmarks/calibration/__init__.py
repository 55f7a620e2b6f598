"""The figures of docs/calibration-checks.md: ``python -m benchmarks.calibration``, as root."""
