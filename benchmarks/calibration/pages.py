"""The page that these commands write."""

from benchmarks.page import Page

PAGE = Page(
    "calibration-checks",
    """# How right calibrations are

The figures of this page are measured by `make calibration`, as root, on a quiet machine; each
table stands between markers that the command writes, and its raw data is in
[calibration-checks.json](../benchmarks/data/calibration-checks.json).
""",
)
