"""Doctor JSON: what ``scale doctor --json`` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.examination import Examination


def document(found: Examination) -> dict[str, object]:
    """All findings, whether calibrate can run, and for how long it would."""
    return {
        "can_calibrate": found.can_calibrate,
        "quick_s": found.quick_s,
        "default_s": found.default_s,
        "findings": [asdict(one) | {"next": one.next or None} for one in found.findings],
    }
