"""Promise 5: conflicts are never silent.

When one field is edited to different values in two systems, the configured rule decides. The
losing value is kept with its system and its times, is listed, is counted, and can be taken back
with one command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.sims import Line
from tests.promises.staging import Stage, staged

#: What two people set, first in DevRev and a minute later in Datadog: own words, common words.
SET = {
    "title": (("title", "Down"), ("title", "Slow"), "Down", "Slow"),
    "severity": (("severity", "sev-0"), ("severity", "SEV-5"), "critical", "minor"),
}
#: field, rule -> which of the two stands.
DECIDED = (
    ("title", "newest", 1),
    ("severity", "newest", 1),
    ("title", {"prefer": ["devrev"]}, 0),
    ("title", {"prefer": ["datadog"]}, 1),
    ("severity", "highest", 0),
    ("severity", "lowest", 1),
)


async def differ(stage: Stage, field: str) -> None:
    """Let two people set one field of the one incident to different values within a cycle."""
    for kind, (path, word) in zip(("devrev", "datadog"), SET[field][:2], strict=True):
        stage.clock.at += 5
        (record,) = stage.doubles[kind].ids()
        stage.doubles[kind].edit(record, **{path: word})


async def common(stage: Stage, line: Line, field: str) -> set[Any]:
    """Give what the systems say of a field, once all are in step, in common words."""
    await stage.rest()
    shown = (await stage.ran(line, "explain", "1", "--json")).data["fields"][field]
    return {shown["base"]["value"], *(await stage.apart())}


@pytest.mark.parametrize(("field", "rule", "wins"), DECIDED)
async def test_the_rule_decides_and_the_loser_is_kept(
    tmp_path: Path, line: Line, field: str, rule: object, wins: int
) -> None:
    """The outcome follows the rule; the loser is stored with system and times, and counted.

    It is listed, one command brings it back everywhere, and then the winner is the one kept.
    """
    more = {"fields": {field: {"on_conflict": rule}}}
    async with staged(tmp_path, more, incidents={"devrev": 1}) as stage:
        stage.doubles["devrev"].edit(stage.doubles["devrev"].ids()[0], severity="sev-2")
        await stage.rest()
        began = stage.app.stamp()
        await differ(stage, field)
        report = await stage.cycle()
        values = SET[field][2:]
        assert (report.attic, report.data()["attic"]) == (1, 1)
        assert await common(stage, line, field) == {values[wins]}
        (kept,) = (await stage.ran(line, "conflicts", "--json")).data["attic"]
        assert (kept["field"], kept["value"]) == (field, values[1 - wins])
        assert kept["origins"] == [("datadog", "devrev")[wins]]
        assert began < kept["said_at"] < kept["decided_at"] <= stage.app.stamp()
        back = await stage.ran(line, "conflicts", "restore", str(kept["id"]))
        assert back.code == 0
        assert await common(stage, line, field) == {values[1 - wins]}
        attic = (await stage.ran(line, "conflicts", "--json")).data["attic"]
        assert {(row["value"], bool(row["restored_at"])) for row in attic} == {
            (values[1 - wins], True),
            (values[wins], False),
        }


async def test_where_nobody_is_to_decide_the_field_waits_in_sight(
    tmp_path: Path, line: Line
) -> None:
    """Under ``manual`` nothing of the field is written and the rest flows; ``status`` counts it.

    One command settles it, and the other value is kept.
    """
    more = {"fields": {"title": {"on_conflict": "manual"}}}
    async with staged(tmp_path, more, incidents={"devrev": 1}) as stage:
        await stage.rest()
        await differ(stage, "title")
        stage.doubles["prodmanager"].edit(stage.doubles["prodmanager"].ids()[0], description="New")
        before = stage.titles("prodmanager")
        report = await stage.cycle()
        assert (report.conflicts, report.exit_code) == (1, 1)
        assert (stage.titles("devrev"), stage.titles("datadog")) == (["Down"], ["Slow"])
        assert stage.titles("prodmanager") == before
        assert {says.text for kind in stage.doubles for says in stage.told(kind).values()} == {
            "New"
        }
        status = await stage.ran(line, "status")
        assert (status.code, "1 conflict" in status.out) == (1, True)
        done = await stage.ran(line, "conflicts", "resolve", "1.title", "--take", "devrev")
        assert done.code == 0
        assert await common(stage, line, "title") == {"Down"}
        (kept,) = (await stage.ran(line, "conflicts", "--json")).data["attic"]
        assert (kept["value"], kept["origins"]) == ("Slow", ["datadog"])
