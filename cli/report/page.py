"""Page: all that was found of a job as one HTML file, which needs nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from nworkers import __version__
from nworkers.cli.report.answer_head import answer_head
from nworkers.cli.report.change_section import change_section
from nworkers.cli.report.curve_section import cost_section, curve_section
from nworkers.cli.report.evidence_sections import (
    accuracy_section,
    environment_section,
    measured_section,
    uncertain_section,
    word_section,
)
from nworkers.cli.report.markup import command, paragraph, section, text
from nworkers.cli.report.option_section import breakdown_section, option_section
from nworkers.cli.report.page_commands import PageCommands
from nworkers.cli.report.slider_views import slider_section
from nworkers.models.files.store import record_json

if TYPE_CHECKING:
    from nworkers.simulator.report import ReportAnswer

_HERE = Path(__file__).parent


def page(found: ReportAnswer, commands: PageCommands) -> str:
    """The whole file."""
    result, job = found.answer.result, found.answer.job
    title = f"{result.rows[0].scenario.workload.name}: how many workers beat one process?"
    body = [
        answer_head(found),
        "<main>",
        curve_section(found),
        cost_section(found),
        slider_section(found, commands.ask_curve),
        change_section(found, commands),
        breakdown_section(found),
        option_section(found),
        measured_section(found),
        accuracy_section(found),
        uncertain_section(found, commands),
        environment_section(found),
        word_section(),
        _scenario(found, commands),
        "</main>",
        f"<footer>Made by scale {text(__version__)}, with no network and no other file. "
        f"The same command with the same seed ({job.seed}) makes the same page.</footer>",
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{text(title)}</title><style>{_own('report.css')}</style></head>"
        f"<body>{''.join(body)}<script>{_own('report.js')}</script></body></html>\n"
    )


def _own(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _scenario(found: ReportAnswer, commands: PageCommands) -> str:
    """The command that makes the page again, and what it asks."""
    job, aim = found.answer.job, found.answer.result.aim
    (scenario,) = job.scenarios
    document = {
        "scenario": json.loads(record_json(scenario)),
        "max_workers": found.answer.result.max_workers,
        "baseline": job.baseline,
        "target_speedup": aim.target_speedup,
        "seed": job.seed,
        "profile": job.profile.name,
        "samples_sha256": job.profile.samples_sha256,
        "set": [change.path for change in job.changed],
        "command": commands.again,
    }
    shown = json.dumps(document, indent=1, ensure_ascii=False)
    return section(
        "scenario",
        "This page again",
        paragraph("This command makes the same page:"),
        command(commands.again),
        "<details><summary>The scenario as JSON</summary>"
        f'<pre><code id="scenario-json">{text(shown)}</code></pre></details>',
    )
