"""Fields that wait for a person, and values that lost: listed, settled, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.sims import Line, Sims, written

MANUAL = "fields:\n  title: {on_conflict: manual}\n"
ONE, OTHER = "One name", "Another name"

#: Wrong calls, and what is said of each.
WRONG = (
    (("resolve", "1.title"), "--take SYSTEM or --value VALUE"),
    (("resolve", "1.title", "--take", "devrev", "--value", "x"), "--take SYSTEM or --value"),
    (("resolve", "title", "--value", "x"), "INCIDENT.FIELD"),
    (("resolve", "99.title", "--value", "x"), "no incident 99"),
    (("resolve", "1.titel", "--value", "x"), 'no field "titel"'),
    (("resolve", "1.severity", "--value", "huge"), "one of critical, high"),
    (("resolve", "1.title", "--value", ""), "cannot be emptied"),
    (("resolve", "1.title", "--take", "nobody"), "nobody says nothing of title"),
    (("restore", "99"), "the attic has no 99"),
    (("restore", "title"), '"title" is no number'),
    (("show", "99"), "the attic has no 99"),
    (("show", "99.title"), "no incident 99"),
    (("show", "1.titel"), 'no field "titel"'),
    (("show", "title"), "INCIDENT.FIELD"),
)


@pytest.fixture
def differing(line: Line, sims: Sims, tmp_path: Path) -> Sims:
    """Let two people rename one incident under ``manual``, and a cycle hear of it."""
    written(tmp_path, sims.ports, MANUAL)
    line("once")
    for kind, title in (("devrev", ONE), ("datadog", OTHER)):
        sims.doubles[kind].edit(records(line)[kind], title=title)
    assert line("once").code == 1
    return sims


def records(line: Line) -> dict[str, str]:
    """Give the records of the first incident, by system."""
    found = line("explain", "1", "--json").data["references"]
    return {row["system"]: row["record"] for row in found}


def says(line: Line, field: str) -> dict[str, str]:
    """Give what each system says of a field of the first incident, once a cycle has run."""
    assert line("once").code == 0
    assert line("once", "--json").data["quiet"]
    systems = line("explain", "1", "--json").data["fields"][field]["systems"]
    return {name: at["says"] for name, at in systems.items()}


def test_a_conflict_is_settled_and_the_loser_taken_back(line: Line, differing: Sims) -> None:
    """The whole way: it waits, a person takes one, all say that; the other is kept and restored."""
    assert differing.world.writes
    waiting = line("conflicts", "--json")
    (row,) = waiting.data["waiting"]
    assert (waiting.code, row["incident"], row["field"]) == (1, 1, "title")
    listed = line("conflicts").out
    assert "1 field waiting for a person\n  1.title  " in listed
    assert f"devrev: {ONE}" in listed
    assert f"datadog: {OTHER}" in listed
    ran = line("conflicts", "resolve", "1.title", "--take", "devrev")
    assert (ran.code, ran.out.startswith(f"1.title is {ONE}: the next cycle writes it")) == (
        0,
        True,
    )
    assert set(says(line, "title").values()) == {ONE}
    after = line("conflicts", "--json")
    (kept,) = after.data["attic"]
    assert (after.code, after.data["waiting"]) == (0, [])
    assert (kept["value"], kept["origins"], kept["restored_at"]) == (OTHER, ["datadog"], None)
    assert kept["said_at"] < kept["decided_at"]
    back = line("conflicts", "restore", str(kept["id"]), "--json")
    assert (back.code, back.data["value"]) == (0, OTHER)
    assert set(says(line, "title").values()) == {OTHER}
    again = line("conflicts", "--json").data["attic"]
    assert [row["value"] for row in again] == [ONE, OTHER]
    assert again[1]["restored_at"]
    assert ", restored " in line("conflicts").out


def test_a_conflict_can_be_settled_on_a_third_value(line: Line, differing: Sims) -> None:
    """With ``--value`` both lose: each is kept."""
    assert differing.world.writes
    assert line("conflicts", "resolve", "1.title", "--value", "  Neither  of them ").code == 0
    assert set(says(line, "title").values()) == {"Neither of them"}
    assert {row["value"] for row in line("conflicts", "--json").data["attic"]} == {ONE, OTHER}


def test_all_about_one(line: Line, differing: Sims) -> None:
    """``show`` names what was agreed, what every side says, the policy, and what lost."""
    assert differing.world.writes
    shown = line("conflicts", "show", "1.title", "--json")
    data = shown.data
    assert (shown.code, data["waits"], data["policy"]) == (1, True, "manual")
    assert {name: at["value"] for name, at in data["says"].items()} == {
        "devrev": ONE,
        "datadog": OTHER,
        "status": data["base"]["value"],
    }
    text = line("conflicts", "show", "1.title").out
    assert "waits for a person" in text
    assert "instep conflicts resolve 1.title --take SYSTEM" in text
    line("conflicts", "resolve", "1.title", "--take", "datadog")
    settled = line("conflicts", "show", "1.title", "--json")
    assert (settled.code, settled.data["waits"]) == (0, False)
    assert [row["value"] for row in settled.data["attic"]] == [ONE]
    assert "no conflict" in line("conflicts", "show", "1.title").out
    for name in ("1", "#1"):
        kept = line("conflicts", "show", name, "--json")
        assert (kept.code, kept.data["value"], kept.data["stands"]) == (0, ONE, OTHER)
    text = line("conflicts", "show", "#1").out
    assert "not restored" in text
    assert "instep conflicts restore 1" in text


def test_a_person_may_settle_what_does_not_wait(line: Line, sims: Sims, tmp_path: Path) -> None:
    """A word on a field in step is written everywhere; what was agreed goes to the attic."""
    written(tmp_path, sims.ports)
    line("once")
    before = line("explain", "1", "--json").data["fields"]["severity"]["base"]["value"]
    assert before != "minor"
    ran = line("conflicts", "resolve", "1.severity", "--value", "minor", "--json")
    assert (ran.code, ran.data["value"]) == (0, "minor")
    assert says(line, "severity") == {"devrev": "sev-3", "datadog": "SEV-5", "status": "minor"}
    (kept,) = line("conflicts", "--json").data["attic"]
    assert (kept["field"], kept["value"]) == ("severity", before)


def test_a_wrong_order_says_what_is_right(line: Line, sims: Sims, tmp_path: Path) -> None:
    """Each wrong call exits 2 and names what is wrong; nothing is changed by any."""
    written(tmp_path, sims.ports)
    line("once")
    for args, said in WRONG:
        ran = line("conflicts", *args, "--json")
        assert (ran.code, ran.data["kind"]) == (2, "usage"), args
        assert said in ran.err, args
    assert line("once", "--json").data["quiet"]
    assert line("conflicts", "--json").data["attic"] == []
