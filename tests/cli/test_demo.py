"""``demo``: what it shows, what it leaves behind, and that it can end badly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import instep.daemon.service
from instep.cli import demo_play
from instep.cli.demo_board import AROUND, TICKER, Board
from instep.cli.demo_people import EDITS, People
from instep.cli.demo_play import Totals
from instep.cli.demo_show import Lines, tell, verdict
from instep.cli.demo_view import SYSTEMS, seen
from instep.simulator.serve import build
from instep.simulator.world import Simulator
from tests.cli.sims import Line

TALLY = dict.fromkeys(
    ("records", "requests", "creates", "updates", "closes", "deletes", "comments", "failed"), 1
)


@pytest.fixture
def doubles() -> dict[str, Simulator]:
    """Make three services with two incidents each; nobody serves them."""
    return {kind: build(kind, incidents=2) for kind in SYSTEMS}


def cycle(**changes: Any) -> dict[str, Any]:
    """Make the log line of a cycle."""
    return {
        "event": "cycle.completed",
        "run": 1,
        "mode": "initial",
        "state": "completed",
        "seconds": 0.5,
        "incidents": 6,
        "systems": {system: {"heard": True, **TALLY} for system in SYSTEMS},
        **dict.fromkeys(("conflicts", "attic", "held", "dead", "due"), 0),
        "quiet": False,
        **changes,
    }


def drawn(board: Board, height: int) -> str:
    """Draw a board as plain text."""
    console = Console(width=110, force_terminal=False)
    with console.capture() as capture:
        console.print(board.render(height))
    return capture.get()


@pytest.mark.slow
def test_it_is_told_in_lines_and_leaves_behind_what_was_asked_for(
    line: Line, tmp_path: Path
) -> None:
    """Without a terminal: a line an event, one to sum up; a picture; a configuration that is right.

    A second demo does not write over what the first one left.
    """
    options = ("--for", "2", "--seed", "3", "--incidents", "1", "--keep", "kept")
    ran = line("demo", *options, "--svg", "demo.svg")
    assert ran.code == 0, ran
    lines = ran.out.splitlines()
    assert "incidents at the beginning" in lines[0]
    assert "instep, cycle 1: devrev +2" in lines[1]
    assert any(" opens " in each for each in lines)
    assert any("instep -> datadog: incident " in each for each in lines)
    assert any("conflict: incident " in each for each in lines)
    assert lines[-1].endswith(": in step")
    assert (tmp_path / "demo.svg").read_text().startswith("<svg")
    kept = tmp_path / "kept"
    assert (kept / "instep.db").exists()
    assert "instep simulate devrev --port" in (kept / "HOW-TO-PLAY.txt").read_text()
    check = line("check", "--config", kept / "instep.yaml", "--json")
    assert (check.code, check.data["warnings"]) == (0, [])
    again = line("demo", *options)
    assert (again.code, again.out) == (2, "")
    assert "nothing was overwritten" in again.err


@pytest.mark.slow
def test_what_differs_is_said_and_exits_1(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the services are not in step, the demo says so, whatever the ledger believes."""

    async def differences(*_: object) -> list[str]:
        return ["devrev INC-1: title differs", "and more"]

    monkeypatch.setattr(demo_play, "differences", differences)
    ran = line("demo", "--for", "0", "--incidents", "0", "--json")
    assert (ran.code, ran.data["exit"], ran.data["in_step"]) == (1, 1, False)
    assert ran.data["differences"] == ["devrev INC-1: title differs", "and more"]
    assert ran.data["quiet"]


def test_a_bug_in_a_cycle_ends_it_as_a_bug(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cycle that fails is not hidden by those after it: exit 70."""

    async def broken(*_: object) -> None:
        raise KeyError("oh")

    monkeypatch.setattr(instep.daemon.service, "run_cycle", broken)
    ran = line("demo", "--json")
    assert (ran.code, ran.data["kind"]) == (70, "bug")


def test_a_person_who_cannot_edit_ends_it_as_a_bug(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong beside the daemon stops it too, and is told."""
    monkeypatch.setattr(People, "acts", lambda *_: 1 // 0)
    ran = line("demo", "--incidents", "0", "--json")
    assert (ran.code, ran.data["kind"]) == (70, "bug")
    assert "ZeroDivisionError" in ran.err


@pytest.mark.parametrize("args", [["--for", "-1"], ["--keep", "file"], ["--keep", "file/in"]])
def test_a_wrong_call_is_a_usage_error(line: Line, tmp_path: Path, args: list[str]) -> None:
    """A time that is none and a folder that is none exit 2."""
    (tmp_path / "file").write_text("")
    assert line("demo", *args).code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("seed", range(8))
def test_people_do_everything_at_least_once(doubles: dict[str, Simulator], seed: int) -> None:
    """Each system sees an incident opened and another field edited; there is a conflict."""
    acts = People(doubles, seed).acts(12)
    assert len(acts) == 12
    assert {(system, "open") for system in SYSTEMS} <= set(acts)
    edited = [(system, verb) for system, verb in acts if verb in EDITS]
    assert {system for system, _ in edited} == set(SYSTEMS)
    assert len({verb for _, verb in edited}) >= len(SYSTEMS)
    assert ("", "disagree") in acts


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("verb", EDITS)
def test_every_edit_changes_what_it_says(
    doubles: dict[str, Simulator], system: str, verb: str
) -> None:
    """Whatever a record says, an edit makes it say something else, and tells whose it is."""
    people = People(doubles, 1)
    for _ in range(30):
        before = doubles[system].records()
        (edit,) = people.act(system, verb)
        assert edit.system == system
        assert doubles[system].records() != before


def test_people_without_incidents_open_one(doubles: dict[str, Simulator]) -> None:
    """Where there is nothing to edit, an edit is a new incident; nobody can disagree."""
    empty = {kind: build(kind, incidents=0) for kind in SYSTEMS}
    (edit,) = People(empty, 1).act("datadog", "rename")
    assert edit.said.startswith("opens ")
    assert list(People(doubles, 1).act("", "disagree")) == []


def test_equal_seeds_make_equal_people(doubles: dict[str, Simulator]) -> None:
    """The same seed does the same, and another one does not."""
    assert People(doubles, 1).acts(30) == People(doubles, 1).acts(30)
    assert People(doubles, 1).acts(30) != People(doubles, 2).acts(30)


def test_the_board_joins_the_records_of_an_incident(doubles: dict[str, Simulator]) -> None:
    """A record with a mark stands in the row of the one that it names."""
    devrev, datadog, page = (doubles[system] for system in SYSTEMS)
    (origin, _) = seen(datadog)
    url = "https://app.datadoghq.com/incidents/1001#instep-abc"
    devrev.edit(devrev.ids()[0], external_reference=url, origin_system="datadog")
    page.edit(1, external_reference="datadog:IR-1001/abc")
    datadog.edit(datadog.ids()[1], external_reference=["prodmanager:2/def"])
    assert origin.key == ("datadog", 1001)
    assert seen(devrev)[0].key == seen(page)[0].key == origin.key
    assert seen(datadog)[1].key == seen(page)[1].key == ("prodmanager", 2)


def test_the_board_lights_what_changes(doubles: dict[str, Simulator]) -> None:
    """A field is lit in one colour after a person's edit, in another after instep's."""
    board = Board(doubles)
    console = Console(width=110, force_terminal=True, color_system="truecolor")
    people = People(doubles, 1)
    for edit in people.act("devrev", "rename"):
        board.edited(edit)
    doubles["datadog"].edit(doubles["datadog"].ids()[0], title="Renamed by instep")
    board.look()
    with console.capture() as capture:
        console.print(board.render(60))
    shown = capture.get()
    assert "\x1b[1;30;43m" in shown
    assert "\x1b[1;30;42mRenamed by instep" in shown


def test_the_board_shows_what_has_room(doubles: dict[str, Simulator]) -> None:
    """On a low screen the incidents touched last stand alone; the ticker keeps the last lines."""
    board = Board(doubles)
    doubles["prodmanager"].edit(2, name="Touched last")
    board.look()
    assert drawn(board, 60).count("INC-") == 2
    low = drawn(board, AROUND + TICKER + 2)
    assert "Touched last" in low
    assert "INC-" not in low
    for number in range(2 * TICKER):
        board.logged({"event": "write.created", "system": "devrev", "incident": number})
    board.logged(cycle(attic=1))
    board.logged({"event": "record.noted"})
    assert drawn(board, 60).count("creates incident") == TICKER
    assert "1 cycle, 0 quiet, 1 conflict kept" in drawn(board, 60)
    assert "+1 ~2" in drawn(board, 60)


def test_totals_are_those_of_all_cycles() -> None:
    """Counts add up; what is a state is the last one."""
    totals = Totals()
    assert (totals.data()["run"], totals.in_step) == (None, False)
    assert verdict(totals) == "NOT in step: no cycle was completed"
    totals.add(cycle(attic=2, due=3))
    totals.add(cycle(run=2, mode="incremental", quiet=True))
    data = totals.data()
    assert (data["run"], data["mode"], data["quiet"], data["seconds"]) == (
        2,
        "incremental",
        True,
        1.0,
    )
    assert data["systems"]["devrev"] == {"heard": True, **dict.fromkeys(TALLY, 2)}
    assert (data["attic"], data["due"], data["cycles"], data["quiet_cycles"]) == (2, 0, 2, 1)
    assert verdict(totals) == "in step"
    totals.found = ["this", "that", "more"]
    assert verdict(totals) == "NOT in step: this (and 2 more differences)"


def test_log_lines_are_told_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    """What was written is told, of the first cycle only how much; the rest is left to the log."""
    created = {"event": "write.created", "system": "datadog", "incident": 4}
    updated = {**created, "event": "write.updated", "fields": ["severity", "title"]}
    show = Lines()
    assert not show.logged(created)
    assert capsys.readouterr().out == ""
    assert show.logged(cycle())
    assert "cycle 1: devrev +1 ~2, datadog +1 ~2" in capsys.readouterr().out
    assert show.logged(updated)
    assert "instep -> datadog: incident 4, severity, title" in capsys.readouterr().out
    assert not show.logged(cycle())
    assert show.logged({"event": "system.unheard", "system": "devrev"})
    assert capsys.readouterr().out.endswith("late: devrev\n")
    assert tell({"event": "record.noted"}) == ""
