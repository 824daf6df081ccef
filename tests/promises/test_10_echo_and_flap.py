"""Promise 10: no echo, and no flap without an end.

After any single edit writes stop within one further cycle. Where two systems write a field to and
fro because their rules disagree, it is held after some writes, with a reason that names both.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from instep.core.flap import MANY
from instep.simulator.serve import KINDS
from tests.cli.sims import Line
from tests.promises.staging import UPDATING, Stage, staged

#: What a person may change in each service: path and word.
EDITS = {
    "devrev": (
        ("title", "Ünïcode  title!"),
        ("body", "Some *text*\n\nand more "),
        ("severity", "sev-3"),
        ("stage", "resolved"),
        ("stage", "acknowledged"),
        ("identified_date", "2026-01-05T06:07:08.900Z"),
    ),
    "datadog": (
        ("title", "Ünïcode  title!"),
        ("summary", "Some *text*\n\nand more "),
        ("severity", "SEV-5"),
        ("severity", "UNKNOWN"),
        ("state", "resolved"),
        ("state", "completed"),
        ("customer_impact_start", "2026-01-05T06:07:08.912345Z"),
    ),
    "prodmanager": (
        ("name", "Ünïcode  title!"),
        ("description", "Some *text*\n\nand more "),
        ("severity", "minor"),
        ("status", "resolved"),
        ("status", "investigating"),
        ("start_impact_date", "2026-01-05T06:07"),
    ),
}
CASES = [(kind, path, word) for kind, edits in EDITS.items() for path, word in edits]


@pytest.mark.parametrize(("kind", "path", "word"), CASES)
async def test_after_one_edit_writes_stop(tmp_path: Path, kind: str, path: str, word: str) -> None:
    """The cycle that hears of the edit writes at most once to each system; then it is over.

    Whatever the others make of it (minutes, spaces, lossy words), at most one further cycle
    writes anything. To the system of the edit a write goes only for another field, such as a
    date that a status moved elsewhere, or to put back what a choice cannot be without.
    """
    async with staged(tmp_path, incidents=0) as stage:
        stage.add("devrev", "Checkout slow", severity="sev-2", stage="triage")
        await stage.rest()
        before = {name: stage.doubles[name].world.count(UPDATING[name]) for name in KINDS}
        (record,) = stage.doubles[kind].ids()
        stage.doubles[kind].edit(record, **{path: word})
        await stage.cycle()
        after = {name: stage.doubles[name].world.count(UPDATING[name]) for name in KINDS}
        writes = {name: after[name] - before[name] for name in KINDS}
        assert max(writes.values()) <= 1
        await stage.cycle()
        settled = stage.writes()
        for _ in range(3):
            report = await stage.cycle(sweep=True)
            assert (report.writes, report.exit_code) == (0, 0)
        assert stage.writes() == settled
        assert await stage.apart() == []


def stubborn(stage: Stage, kind: str, path: str, word: str) -> None:
    """Let an automation of a service set a field its own way, just behind each change of ours."""
    double = stage.doubles[kind]

    def again() -> None:
        (record,) = double.ids()
        double.edit(record, **{path: word})
        double.world.after(UPDATING[kind], again)

    double.world.after(UPDATING[kind], again)


async def test_rules_that_disagree_are_held_after_some_writes(tmp_path: Path, line: Line) -> None:
    """Automations in two services insist on another title each: held after at most N writes.

    The reason names both rules; after that nothing is written any more, and other fields flow.
    """
    async with staged(tmp_path, {"create": {"prodmanager": None}}, incidents=0) as stage:
        stage.add("devrev", "Checkout slow", severity="sev-2", stage="triage")
        await stage.rest()
        stubborn(stage, "devrev", "title", "As DevRev has it")
        stubborn(stage, "datadog", "title", "As Datadog has it")
        stage.rename("devrev", stage.doubles["devrev"].ids()[0], "Checkout down")
        first = {name: stage.doubles[name].world.count(UPDATING[name]) for name in EDITS}
        for _ in range(2 * MANY + 2):
            report = await stage.cycle()
        count = {
            name: stage.doubles[name].world.count(UPDATING[name]) - first[name] for name in EDITS
        }
        assert report.held >= 1
        assert 1 < max(count.values()) <= MANY + 1, count
        settled = stage.writes()
        for _ in range(3):
            assert (await stage.cycle()).writes == 0
        assert stage.writes() == settled
        groups = (await stage.ran(line, "held", "--json")).data["held"]
        assert {group["why"] for group in groups} == {"flap"}
        for group in groups:
            assert "datadog (title)" in group["reason"]
            assert "devrev (title)" in group["reason"]
        # Another field of the same record is not held up.
        stage.doubles["datadog"].edit(stage.doubles["datadog"].ids()[0], summary="Told since")
        await stage.cycle()
        (says,) = stage.told("devrev").values()
        assert says.text == "Told since"
