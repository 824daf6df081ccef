"""Promise 15: keys are checked.

Blank, whitespace, duplicate or foreign external references match, update and close nothing; they
are listed for a person. What looks like one incident when systems are first linked is reported as
exact, likely or ambiguous, and only what is exact is linked without being asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instep.simulator.serve import KINDS
from instep.simulator.world import Simulator
from tests.cli.sims import Line
from tests.promises.staging import APART, Stage, staged

#: References that say nothing, and some that are a person's or another program's.
BLANK = ("", " ", "\t \n", "-", "n/a")
FOREIGN = ("JIRA-12", "datadog:", ":/", "devrev:INC-1", "https://example.com/tickets/7")


def referring(double: Simulator, title: str, reference: str) -> str:
    """Open an incident with a reference in the place in which instep keeps its mark."""
    match double.name:
        case "devrev":
            kept = {"external_reference": reference, "origin_system": "another"}
            return double.add(title=title, sync_metadata=kept)
        case "datadog":
            return double.add(title=title, external_reference=[reference])
        case _:
            return double.add(name=title, external_reference=reference)


def reference_of(double: Simulator, record: str) -> Any:
    """Read what stands in that place."""
    raw = double.records()[double.ids().index(record)]
    match double.name:
        case "devrev":
            return (raw.get("sync_metadata") or {}).get("external_reference")
        case "datadog":
            return raw["attributes"]["fields"]["external_reference"]["value"]
        case _:
            return raw["external_reference"]


def mark_of(stage: Stage, kind: str) -> tuple[str, Any]:
    """Give a record of a service that instep has made, and the mark that it carries."""
    double = stage.doubles[kind]
    made = (one for one in double.ids() if reference_of(double, one))
    record = next(made)
    found = reference_of(double, record)
    return record, found[0] if isinstance(found, list) else found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reference", [*BLANK, *FOREIGN])
async def test_a_reference_that_is_not_ours_joins_nothing(
    tmp_path: Path, kind: str, reference: str
) -> None:
    """Two records with one and the same such reference stay two incidents, and keep it.

    Nothing of what was there before is written over, closed or joined with them.
    """
    async with staged(tmp_path) as stage:
        await stage.rest()
        records = {name: double.records() for name, double in stage.doubles.items()}
        double = stage.doubles[kind]
        added = [referring(double, f"Referring {n}", reference) for n in range(2)]
        said = [reference_of(double, one) for one in added]
        for _ in range(3):
            await stage.cycle()
        assert [reference_of(double, one) for one in added] == said
        for name, before in records.items():
            assert stage.doubles[name].records()[: len(before)] == before
        for name in KINDS:
            for n in range(2):
                assert stage.titles(name).count(f"Referring {n}") <= 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_copied_mark_is_kept_out_and_listed(tmp_path: Path, line: Line, kind: str) -> None:
    """A second record with a mark that another carries: nothing is joined, written or made.

    It is listed for a person, with why and what to do; taken away, it is listed no more.
    """
    async with staged(tmp_path) as stage:
        await stage.rest()
        _, mark = mark_of(stage, kind)
        copy = referring(stage.doubles[kind], "A copy", mark)
        records = {name: double.records() for name, double in stage.doubles.items()}
        writes = stage.writes()
        for _ in range(3):
            report = await stage.cycle(sweep=True)
            assert (report.writes, report.held, report.exit_code) == (0, 1, 1)
        assert stage.writes() == writes
        assert {name: d.records() for name, d in stage.doubles.items()} == records
        listed = await stage.ran(line, "links", "--json")
        (row,) = listed.data["kept_out"]
        assert (listed.code, row["why"], row["reason"] != "") == (1, "duplicate", True)
        assert "1 held" in (await stage.ran(line, "status")).out
        stage.doubles[kind].delete(copy)
        assert (await stage.cycle(sweep=True)).writes == 0
        assert (await stage.ran(line, "links", "--json")).data["kept_out"] == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_mark_put_into_another_record_is_kept_out_and_listed(
    tmp_path: Path, line: Line, kind: str
) -> None:
    """A linked record in which somebody has put the mark of another incident: foreign, held.

    Neither incident is written to, or closed, because of it.
    """
    async with staged(tmp_path, incidents=2) as stage:
        await stage.rest()
        double = stage.doubles[kind]
        record, _ = mark_of(stage, kind)
        marks = [reference_of(double, one) for one in double.ids() if reference_of(double, one)]
        other = next(mark for mark in marks if mark != reference_of(double, record))
        if kind == "devrev":
            known = double.records()[double.ids().index(record)]["sync_metadata"]
            double.edit(record, sync_metadata={**known, "external_reference": other})
        else:
            double.edit(record, external_reference=other)
        writes = stage.writes()
        for _ in range(3):
            report = await stage.cycle(sweep=True)
            assert report.writes == 0
        assert stage.writes() == writes
        listed = await stage.ran(line, "links", "--json")
        assert listed.code == 1
        assert {row["why"] for row in listed.data["kept_out"]} <= {"foreign", "duplicate"}


async def test_only_what_is_exact_is_linked_without_being_asked(tmp_path: Path, line: Line) -> None:
    """The address of a record is exact, a like title is likely, two of them are ambiguous.

    All three are opened by hand before the first run; that run links the first pair alone.
    """
    async with staged(tmp_path, APART, incidents=0) as stage:
        devrev, datadog, page = (stage.doubles[kind] for kind in KINDS)
        datadog.add(title="Exact here")
        page.add(name="Exact there", external_link="https://app.datadoghq.com/incidents/1001")
        devrev.add(title="Likely one")
        datadog.add(title="LIKELY one!")
        devrev.add(title="Ambiguous")
        for _ in range(2):
            datadog.add(title="ambiguous")
        report = await stage.cycle()
        # Of seven records two were linked.
        assert (report.incidents, report.writes > 0) == (6, True)
        assert stage.held() == {"devrev": 2, "datadog": 4, "prodmanager": 1}
        ran = await stage.ran(line, "links", "suggest", "--json")
        found = [
            (each["how"], sorted(record["title"].casefold() for record in each["records"]))
            for each in ran.data["suggestions"]
        ]
        assert found == [
            ("likely", ["likely one", "likely one!"]),
            ("ambiguous", ["ambiguous", "ambiguous"]),
            ("ambiguous", ["ambiguous", "ambiguous"]),
        ]
        before = stage.writes()
        await stage.cycle()
        assert stage.writes() == before
