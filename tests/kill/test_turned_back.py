"""Promise: an old ledger and a clock that jumps lose nothing and double nothing."""

from __future__ import annotations

from signal import SIGKILL

import pytest

from tests.kill.scenarios import MIXED, SCENARIOS, Scenario
from tests.kill.stage import Stage

HOUR, DAY = 3600.0, 86_400.0
JUMPS = {"an hour back": -HOUR, "a day forward": DAY}
#: Steps of a cycle at which its clock jumps: before and behind what is written down and sent.
MOMENTS = (
    "before hear devrev",
    "before settle batch",
    "after desk journal.decide",
    "before POST datadog /api/v2/incidents",
    "after POST prodmanager /api/incident/create",
    "before desk journal.take_in",
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_an_old_ledger_finds_what_was_made(stage: Stage, scenario: Scenario) -> None:
    """With the ledger from before a cycle put back after it, nothing is made or lost."""
    ending = scenario.play(stage)
    old = stage.ledger()
    assert stage.run().code == 0
    stage.put_ledger(old)
    assert stage.rest()
    assert ending.missed(stage) == []


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_clock_that_jumps_between_runs(stage: Stage, scenario: Scenario, jump: float) -> None:
    """All is in step while the clock is wrong, and nothing is written when it is right again."""
    ending = scenario.play(stage)
    assert stage.rest(ahead=jump)
    assert ending.missed(stage) == []
    before = stage.writes()
    assert stage.rest()
    assert ending.missed(stage) == []
    assert stage.writes() == before


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_clock_that_jumps_within_a_run(stage: Stage, moment: str, jump: float) -> None:
    """A jump between any decision and its write loses nothing and doubles nothing."""
    ending = MIXED.play(stage)
    ran = stage.run(jump=jump, jump_at=moment)
    assert moment in ran.steps
    assert stage.rest(ahead=jump)
    assert ending.missed(stage) == []


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_clock_that_jumps_behind_a_kill(stage: Stage, when: str, jump: float) -> None:
    """Killed at a create and started with another time, the program makes it once.

    Set back by an hour, it may wait for that hour before it believes that nothing was made.
    """
    ending = MIXED.play(stage)
    assert stage.run(f"{when} POST prodmanager /api/incident/create").code == -SIGKILL
    stage.run(ahead=jump)
    stage.clock.at += HOUR
    assert stage.rest(ahead=jump)
    assert ending.missed(stage) == []
