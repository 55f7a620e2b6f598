"""Doctor JSON: what ``scale doctor --json`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nworkers.calibrate.campaigns.examination import Examination
    from nworkers.cli.documents.here_document import DoctorDocument


def document(found: Examination) -> DoctorDocument:
    """All findings, whether calibrate can run, and for how long it would."""
    return {
        "can_calibrate": found.can_calibrate,
        "quick_s": found.quick_s,
        "default_s": found.default_s,
        "findings": [
            {
                "what": one.what,
                "state": one.state,
                "health": one.health,
                "next": one.next or None,
            }
            for one in found.findings
        ],
    }
