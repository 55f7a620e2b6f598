"""Nothing moves unseen: the kept commands answer as they did when they were recorded."""

from __future__ import annotations

import pytest

from nworkers.simulator.engine.engines import IS_COMPILED
from tests.cli.conftest import unchanged
from tests.kept.answers import FOLDER, answer, file_of, moved, recorded
from tests.kept.commands import COMMANDS
from tests.support.answer_schemas import unstated
from tests.support.estimates import outside


# simpy rounds the rates of a network otherwise, which a fair link makes grow to some per cent.
@pytest.mark.skipif(not IS_COMPILED, reason="NOT TESTED: the kernel gave the answers that are kept")
@pytest.mark.parametrize("name", COMMANDS)
def test_the_answer_is_the_kept_one(name: str) -> None:
    with unchanged():
        now = answer(name)
    differences = list(moved(recorded(name), now))
    assert not (found := unstated(name.split()[0], now["answer"])), found
    assert not outside(now["answer"])
    assert not differences, f"{len(differences)} differences, the first {differences[:5]}"


def test_every_kept_answer_has_its_command() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {file_of(name).name for name in COMMANDS}
