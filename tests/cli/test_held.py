"""What waits, and a person's word on it: the whole way, from too much change to what is sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instep.core.retry import TRIES
from instep.ledger.sqlite import Lock
from tests.cli.sims import Line, Sims, served, written

NONE = "limits: {creates: 0}\n"
REFUSED = "PATCH /api/v2/incidents/"


@pytest.fixture
def strict(sims: Sims, tmp_path: Path) -> Path:
    """Configure the services so that nothing is made without a person's word."""
    return written(tmp_path, sims.ports, NONE)


@pytest.fixture
def many() -> Iterator[Sims]:
    """Serve services with more incidents than a list shows."""
    with served(incidents=12) as running:
        yield running


def groups(line: Line) -> dict[str, dict[str, Any]]:
    """List what is held, by system; there is one group in each."""
    found = line("held", "--json").data["held"]
    by_system = {group["system"]: group for group in found}
    assert len(by_system) == len(found)
    return by_system


def creates(line: Line) -> dict[str, int]:
    """Run one cycle; answers what it made, by system."""
    report = line("once", "--json").data
    return {name: tally["creates"] for name, tally in report["systems"].items()}


def edited(folder: Path, statement: str, *values: object) -> None:
    """Change the ledger behind instep's back."""
    with sqlite3.connect(folder / "instep.db") as database:
        database.execute(statement, values)
    database.close()


@pytest.mark.usefixtures("strict")
def test_what_is_approved_is_sent_and_nothing_else(line: Line, sims: Sims) -> None:
    """Of three groups one is approved by name: the next cycle makes exactly those records."""
    assert creates(line) == {"devrev": 0, "datadog": 0, "status": 0}
    held = groups(line)
    assert {name: group["count"] for name, group in held.items()} == dict.fromkeys(held, 4)
    ran = line("held", "approve", held["datadog"]["name"])
    assert (ran.code, ran.out) == (0, "4 creates to datadog go in the next cycle\n")
    assert "approved, goes in the next cycle" in line("held").out
    assert groups(line)["datadog"]["approved"] == 4
    assert "; 4 approved" in line("status").out
    before = len(sims.doubles["datadog"].ids())
    assert creates(line) == {"devrev": 0, "datadog": 4, "status": 0}
    assert len(sims.doubles["datadog"].ids()) == before + 4
    assert groups(line) == {name: held[name] for name in ("devrev", "status")}
    # The word held once: what comes now waits again.
    assert creates(line) == {"devrev": 0, "datadog": 0, "status": 0}


@pytest.mark.usefixtures("strict")
def test_one_more_change_than_approved_is_held_again(line: Line, sims: Sims) -> None:
    """What comes up after the approval waits on, under a name of its own."""
    line("once")
    name = groups(line)["datadog"]["name"]
    assert line("held", "approve", name).code == 0
    sims.doubles["devrev"].add(title="One more")
    assert creates(line)["datadog"] == 4
    after = groups(line)["datadog"]
    assert (after["count"], after["operations"][0]["title"]) == (1, "One more")
    assert after["name"] != name


@pytest.mark.usefixtures("strict", "sims")
def test_an_approval_can_have_a_ceiling(line: Line) -> None:
    """``--max`` lets the oldest through, and the others wait on."""
    line("once")
    group = groups(line)["datadog"]
    ran = line("held", "approve", group["name"], "--max", "3", "--json")
    assert (ran.code, ran.data["approved"], ran.data["left"]) == (0, 3, 1)
    assert creates(line)["datadog"] == 3
    (left,) = groups(line)["datadog"]["operations"]
    assert left["incident"] == group["operations"][-1]["incident"]


@pytest.mark.usefixtures("sims")
def test_a_word_is_given_while_the_daemon_runs(line: Line, strict: Path) -> None:
    """Orders do not need the lock that a daemon holds, and what they say is in its ledger."""
    line("once")
    held = groups(line)
    with Lock(f"sqlite:///{strict.parent / 'instep.db'}"):
        assert line("once").code == 5
        assert line("held", "approve", held["datadog"]["name"]).code == 0
        assert line("held", "drop", held["devrev"]["name"]).code == 0
        assert line("retry").code == 0
        assert line("conflicts", "resolve", "1.severity", "--value", "minor").code == 0
        after = groups(line)
        assert (after["datadog"]["approved"], "devrev" in after) == (4, False)


@pytest.mark.usefixtures("strict")
def test_a_group_that_has_changed_is_not_approved(line: Line, sims: Sims) -> None:
    """A name stands for what was looked at: with one more in it, exit 4 and nothing is let go."""
    line("once")
    name = groups(line)["datadog"]["name"]
    sims.doubles["devrev"].add(title="One more")
    line("once")
    for order in ("approve", "drop", "show"):
        ran = line("held", order, name, "--json")
        assert (ran.code, ran.data["kind"]) == (4, "moved")
        assert ran.data["advice"] == "look again: instep held"
    assert groups(line)["datadog"]["approved"] == 0
    assert creates(line)["datadog"] == 0


@pytest.mark.usefixtures("strict")
def test_what_is_dropped_is_left_undone(line: Line, sims: Sims) -> None:
    """All groups dropped: nothing was ever sent, and a cycle finds everything in step."""
    line("once")
    before = sims.records()
    said = [line("held", "drop", group["name"]).out for group in groups(line).values()]
    assert all("4 creates to" in out and "left undone" in out for out in said)
    once = line("once", "--json")
    assert (once.code, once.data["held"], once.data["due"]) == (0, 0, 0)
    assert (line("held").code, line("held").out) == (0, "nothing is held\n")
    assert line("status").code == 0
    assert sims.records() == before
    assert sims.world.writes == 0


@pytest.mark.usefixtures("strict", "sims")
def test_a_record_that_was_let_go_can_be_wanted_again(line: Line) -> None:
    """``explain`` says that it was let go and how to want it; ``retry`` does, for that incident."""
    line("once")
    group = groups(line)["datadog"]
    assert line("held", "drop", group["name"], "--json").data["dropped"] == 4
    number = str(group["operations"][0]["incident"])
    now = line("explain", number, "--json").data["fields"]["title"]["systems"]["datadog"]["now"]
    assert now.startswith("let go: ")
    assert f"instep retry {number}" in now
    assert line("retry", number, "--system", "datadog").out.startswith("1 operation")
    line("once")
    (again,) = groups(line)["datadog"]["operations"]
    assert str(again["incident"]) == number


def test_an_update_that_is_dropped_leaves_the_record_until_the_next_edit(
    line: Line, sims: Sims, tmp_path: Path
) -> None:
    """The title of one record stays as it is; an edit after that is held anew."""
    written(tmp_path, sims.ports)
    line("once")
    written(tmp_path, sims.ports, "limits: {updates: 0}\n")
    devrev, datadog = sims.doubles["devrev"], sims.doubles["datadog"]
    devrev.edit(devrev.ids()[0], title="Not for datadog")
    line("once")
    held = groups(line)
    assert line("held", "drop", held["datadog"]["name"]).out == (
        "1 update to datadog left undone: what datadog says stays as it is until somebody edits "
        "again\n"
    )
    assert line("held", "approve", held["status"]["name"]).code == 0
    before = datadog.records()
    assert line("once").code == 0
    assert datadog.records() == before
    devrev.edit(devrev.ids()[0], title="Once more")
    line("once")
    assert groups(line)["datadog"]["operations"][0]["fields"] == {"title": "Once more"}


def test_a_long_group_is_cut_short(line: Line, many: Sims, tmp_path: Path) -> None:
    """Ten operations are shown, the rest is counted; ``--all`` and ``show`` have every one."""
    written(tmp_path, many.ports, NONE)
    line("once")
    group = groups(line)["datadog"]
    assert group["count"] == 24
    short = line("held")
    assert short.code == 1
    assert short.out.count("  and 14 more\n") == 3
    assert short.out.count("  incident ") == 30
    whole = line("held", "--all").out
    assert " more\n" not in whole
    assert whole.count("  incident ") == 72
    assert line("held", "list", "--all").out.count("  incident ") == 72
    shown = line("held", "show", group["name"])
    assert shown.code == 1
    assert shown.out.count("\nincident ") == 24
    assert f"instep held approve {group['name']}" in shown.out
    for words in (("show", group["name"], "--json"), ("--json", "show", group["name"])):
        assert line("held", *words).data["operations"] == group["operations"]


@pytest.mark.usefixtures("strict", "sims")
def test_each_operation_is_told_in_common_words(line: Line) -> None:
    """Incident, title, record and what it would set stand in the list and in its data."""
    line("once")
    operation = groups(line)["status"]["operations"][0]
    assert operation["record"] is None
    assert operation["fields"]["title"] == operation["title"]
    out = line("held").out
    assert f"incident {operation['incident']}  (new)  {operation['title']}" in out
    assert f"severity: {operation['fields']['severity']}" in out
    assert "over limits.creates = 0" in out
    assert "instep held approve NAME" in out


def test_a_record_that_looks_the_same_waits_for_a_word(
    line: Line, sims: Sims, tmp_path: Path
) -> None:
    """Two people open one incident in two systems: no second record is made without approval."""
    config = written(tmp_path, sims.ports)
    config.write_text(config.read_text().partition("  status: {from")[0])
    line("once")
    for kind in ("devrev", "datadog"):
        sims.doubles[kind].add(title="Opened twice")
    assert line("once").code == 1
    held = groups(line)
    assert {(name, group["why"], group["count"]) for name, group in held.items()} == {
        ("devrev", "alike", 1),
        ("datadog", "alike", 1),
    }
    assert "looks the same" in line("held").out
    before = [len(sims.doubles[kind].ids()) for kind in ("devrev", "datadog")]
    assert line("once").code == 1
    assert [len(sims.doubles[kind].ids()) for kind in ("devrev", "datadog")] == before
    for group in held.values():
        assert line("held", "approve", group["name"]).code == 0
    assert line("once").code == 0
    after = [len(sims.doubles[kind].ids()) for kind in ("devrev", "datadog")]
    assert after == [count + 1 for count in before]


@pytest.fixture
def refused(line: Line, sims: Sims, tmp_path: Path) -> str:
    """Let a service refuse one update again and again; answers the number of its incident."""
    written(tmp_path, sims.ports)
    line("once")
    first = sims.doubles["devrev"].ids()[0]
    sims.world.fault(REFUSED, "500-before", every=1, status=400)
    sims.doubles["devrev"].edit(first, title="Refused")
    line("once")
    return str(groups(line)["datadog"]["operations"][0]["incident"])


def passed(folder: Path) -> None:
    """Let the time come at which what was refused is tried again."""
    edited(folder, "UPDATE held SET again = again - 100000 WHERE again > 0")


def test_what_is_refused_is_tried_later_and_then_no_more(
    line: Line, sims: Sims, tmp_path: Path, refused: str
) -> None:
    """Late until it was refused five times, then dead; only a person brings it on, and then once.

    Nothing is asked of the service before the time has come, nor once it is dead.
    """
    for tries in range(1, TRIES):
        group = groups(line)["datadog"]
        assert (group["state"], group["operations"][0]["tries"]) == ("late", tries)
        assert "tried again in " in line("held").out
        assert line("status", "--json").data["late"][0]["again"] == group["again"]
        assert "1 late" in line("status").out
        asked = sims.world.count(REFUSED)
        line("once")
        assert sims.world.count(REFUSED) == asked
        passed(tmp_path)
        assert line("once").code == 1
        assert sims.world.count(REFUSED) == asked + 1
    group = groups(line)["datadog"]
    assert (group["state"], group["again"], group["count"]) == ("dead", None, 1)
    status = line("status", "--json").data
    assert (status["in_step"], status["dead"][0]["count"], status["late"]) == (False, 1, [])
    assert "1 dead" in line("status").out
    asked = sims.world.count(REFUSED)
    assert line("once", "--json").data["dead"] == 1
    assert sims.world.count(REFUSED) == asked
    sims.world.clear()
    assert line("retry").out == "1 operation tried again in the next cycle\n"
    assert line("once").code == 0
    assert line("held").code == 0
    assert line("explain", refused).code == 0


def test_what_is_refused_cannot_be_approved(line: Line, sims: Sims, refused: str) -> None:
    """A person's word does not help there: exit 2, and what does help is said."""
    assert refused
    ran = line("held", "approve", groups(line)["datadog"]["name"], "--json")
    assert (ran.code, ran.data["kind"]) == (2, "usage")
    assert "instep retry" in ran.data["advice"]


def test_what_is_refused_can_be_dropped(line: Line, sims: Sims, refused: str) -> None:
    """The record keeps its words, and nothing waits any more."""
    datadog = sims.doubles["datadog"].records()
    assert line("held", "drop", groups(line)["datadog"]["name"]).code == 0
    sims.world.clear()
    assert line("once").code == 0
    assert sims.doubles["datadog"].records() == datadog
    assert line("explain", refused).code == 0


@pytest.mark.usefixtures("sims")
@pytest.mark.parametrize(
    "args", [("approve",), ("approve", "h1", "--max", "0"), ("drop",), ("nonsense",)]
)
def test_a_wrong_order_is_a_usage_error(line: Line, strict: Path, args: tuple[str, ...]) -> None:
    """An order without a name, with no ceiling to speak of, or that does not exist: exit 2."""
    assert line("held", *args, "--config", strict).code == 2


def test_an_order_needs_a_ledger(line: Line, sims: Sims, strict: Path) -> None:
    """Before the first cycle there is nothing to give orders about: exit 5, and none is made."""
    assert sims.world.requests == []
    assert line("held", "approve", "h1234567").code == 5
    assert not (strict.parent / "instep.db").exists()


@pytest.mark.parametrize(
    ("why", "state", "said"),
    [
        ("flap", "held", "1 update to datadog"),
        ("duplicate", "held", "1 duplicate in datadog"),
        ("foreign", "held", "1 foreign reference in datadog"),
    ],
)
def test_what_is_held_besides_is_listed_with_what_helps(
    line: Line, sims: Sims, tmp_path: Path, why: str, state: str, said: str
) -> None:
    """Fields that flap, and records whose keys are not to be trusted, each with their own help."""
    written(tmp_path, sims.ports)
    line("once")
    edited(
        tmp_path,
        "INSERT INTO held (incident, system, kind, why, reason, checksum, fields, since, run, "
        "approved, tries, again) VALUES (1, 'datadog', ?, ?, 'as it was said', 'X-1', '{}', "
        "'2026-01-01T00:00:00.000000Z', 1, '', 0, 0)",
        why,
        why,
    )
    group = groups(line)["datadog"]
    assert (group["state"], group["why"]) == (state, why)
    out = line("held").out
    assert said in out
    assert "as it was said" in out
    assert ("delete that record" in out) == (why != "flap")
    assert ("instep held approve" in out) == (why == "flap")
    assert line("status").code == 1
    named = line("explain", "1", "--json").data["held"][0]
    assert (named["group"], "as it was said" in named["now"]) == (group["name"], True)
