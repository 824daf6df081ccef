"""The kill points themselves: whether all are there, and whether a kill at the wrong one shows."""

from __future__ import annotations

from collections import Counter
from signal import SIGKILL

import pytest

from tests.kill.scenarios import MIXED, Ending, Scenario
from tests.kill.stage import Stage
from tests.kill.steps import COMMIT

#: The requests that make a record, as steps.
MAKES = {
    "devrev": "POST devrev /incidents.create",
    "datadog": "POST datadog /api/v2/incidents",
    "prodmanager": "POST prodmanager /api/incident/create",
}


def test_every_commit_lies_between_two_kill_points(stage: Stage) -> None:
    """Each commit of a change has a step just before it and one just behind it."""
    MIXED.play(stage)
    lines = [line for line in stage.run().lines if " desk " in line or line == COMMIT]
    at = [number for number, line in enumerate(lines) if line == COMMIT]
    assert len(at) > 10
    for number in at:
        before, after = lines[number - 1], lines[number + 1]
        assert before.startswith("before desk ")
        assert after == before.replace("before", "after", 1)


def test_every_request_lies_between_two_kill_points(stage: Stage) -> None:
    """The steps name just the requests that the services have got, before and after each."""
    MIXED.play(stage)
    for double in stage.doubles.values():
        double.world.requests.clear()
    steps = stage.run().steps
    asked = Counter(
        f"{request.method} {name} {request.path}"
        for name, double in stage.doubles.items()
        for request in double.world.requests
    )
    for when in ("before", "after"):
        named = Counter(step.removeprefix(f"{when} ") for step in steps if step.startswith(when))
        assert {name: times for name, times in named.items() if "/" in name} == asked


def test_every_part_has_two_ends(stage: Stage) -> None:
    """What begins ends, and hearing and settling are among it."""
    MIXED.play(stage)
    told = Counter(stage.run().steps)
    begun = {step: times for step, times in told.items() if step.startswith("before")}
    ended = {step: times for step, times in told.items() if step.startswith("after")}
    assert ended == {step.replace("before", "after", 1): times for step, times in begun.items()}
    assert {f"before hear {system}" for system in MAKES} < begun.keys()
    assert "before settle batch" in begun


@pytest.mark.parametrize("target", sorted(MAKES))
def test_without_marks_a_record_is_doubled(stage: Stage, target: str) -> None:
    """Killed behind a create, a program that reads no marks repeats it, and the matrix shows it."""
    ending = _killed_behind_a_create(stage, target, ["find", "listing"])
    records = len(stage.doubles[target].ids())
    assert records > ending.incidents
    told = f"{target} has {records} records of {ending.incidents} incidents"
    assert told in ending.missed(stage)


@pytest.mark.parametrize("target", sorted(MAKES))
def test_a_listing_tells_of_marks_as_well(stage: Stage, target: str) -> None:
    """A mark that cannot be looked up is met in the listing: nothing is doubled."""
    ending = _killed_behind_a_create(stage, target, ["find"])
    assert ending.missed(stage) == []


def _killed_behind_a_create(stage: Stage, target: str, blind: list[str]) -> Ending:
    """Kill a run just behind a create, and start it again half blind."""
    origin = "datadog" if target == "devrev" else "devrev"
    ending = Scenario((("create", origin),)).play(stage)
    assert stage.run(f"after {MAKES[target]}").code == -SIGKILL
    stage.rest(blind=blind)
    return ending
