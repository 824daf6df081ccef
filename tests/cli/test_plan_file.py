"""Plans in files: the same for one untouched world, and done as they are or not at all."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from instep.simulator.faults import entries
from tests.cli.sims import Line, Sims, closed_port, written

KINDS = ("devrev", "datadog", "prodmanager")
#: What makes a service answer after the others, once.
SLOW = {"route": "incident", "kind": "latency", "seconds": 0.4}
#: Entries of plans whose odd parts a test adds.
OPERATION = dict.fromkeys(("op", "system", "of", "record", "fields", "reason", "why"), "x")
CONFLICT = dict.fromkeys(("of", "field", "waits", "takes", "values"), "x")
MANUAL = "fields:\n  title: {on_conflict: manual}\n"


@pytest.fixture
def config(sims: Sims, tmp_path: Path) -> Path:
    """Configure the simulated services."""
    return written(tmp_path, sims.ports)


@pytest.fixture
def plan(line: Line, tmp_path: Path) -> Path:
    """Name a file for a plan; it is not there yet."""
    del line
    return tmp_path / "plan.json"


def operations(plan: Path) -> list[dict[str, Any]]:
    """Give the operations that a plan file lists."""
    found: list[dict[str, Any]] = json.loads(plan.read_text())["operations"]
    return found


def listed(plan: Path) -> Counter[tuple[str, ...]]:
    """Count what a plan file lists: system, kind and fields; a word of ``set`` is none."""
    return Counter(
        (o["system"], o["op"], *sorted(o["fields"].keys() - {"scope"})) for o in operations(plan)
    )


def logged(sims: Sims) -> Counter[tuple[str, str]]:
    """Count what the services were asked to write: system and whether that made a record."""
    names = {"prodmanager": "status"}
    made = ("incidents.create", "/api/v2/incidents", "/api/incident/create", "/api/incident")
    return Counter(
        (names.get(r.service, r.service), "create" if r.path.endswith(made) else "update")
        for r in sims.world.requests
        if r.is_write
    )


def journal(folder: Path, *, after: int = 0) -> Counter[tuple[str, ...]]:
    """Count what the ledger knows to be written: system, kind and fields."""
    with closing(sqlite3.connect(folder / "instep.db")) as database:
        rows = database.execute(
            "SELECT system, kind, after FROM journal WHERE outcome = 'written' AND id > ?", [after]
        ).fetchall()
    return Counter((system, kind, *sorted(json.loads(words))) for system, kind, words in rows)


def renamed(sims: Sims, title: str) -> None:
    """Rename the first incident of Datadog, as a person."""
    double = sims.doubles["datadog"]
    double.edit(double.ids()[0], title=title)


@pytest.mark.usefixtures("config")
def test_a_plan_is_the_same_whoever_answers_first(line: Line, sims: Sims, plan: Path) -> None:
    """Of one untouched world text, JSON and file are the same bytes, though each is late once.

    What the ledger does not know yet has no number in them, only the record in which it began.
    """
    seen = set()
    for late in KINDS:
        sims.world.plan(entries([SLOW]), late)
        out = line("plan", "--out", plan).out
        sims.world.plan(entries([SLOW]), late)
        seen.add((out, line("plan", "--json").out, plan.read_bytes()))
    assert len(seen) == 1
    assert {op["incident"] for op in operations(plan)} == {None}
    assert len({op["of"] for op in operations(plan)}) == 6
    assert "incident new" in out


def test_what_is_over_a_limit_is_the_same_whoever_answers_first(
    line: Line, sims: Sims, tmp_path: Path
) -> None:
    """Which of several new incidents have to wait does not depend on who was heard first."""
    written(tmp_path, sims.ports, "limits: {creates: 3}\n")
    assert len(plans(line, sims)) == 1


@pytest.mark.usefixtures("config")
def test_where_an_incident_began_is_the_same_whoever_answers_first(line: Line, sims: Sims) -> None:
    """Of two records that are linked by an address the same one is that in which it began."""
    sims.doubles["datadog"].add(title="Checkout slow")
    url = "https://app.datadoghq.com/incidents/1003"
    sims.doubles["prodmanager"].add(name="Slow checkout", external_link=url)
    assert len(plans(line, sims)) == 1


def plans(line: Line, sims: Sims) -> set[str]:
    """Plan with each service late in turn; answers every plan that came of it."""
    seen = set()
    for late in KINDS:
        sims.world.plan(entries([SLOW]), late)
        seen.add(line("plan", "--json").out)
    return seen


@pytest.mark.usefixtures("config")
def test_only_what_was_known_before_has_a_number(line: Line, sims: Sims, plan: Path) -> None:
    """Known incidents stand first, by number; what was opened since comes after them, without."""
    line("once")
    renamed(sims, "Renamed")
    sims.doubles["devrev"].add(title="Opened since")
    line("plan", "--out", plan)
    numbers = [op["incident"] for op in operations(plan)]
    known = line("explain", "IR-1001", "--json").data["incident"]
    assert numbers[:2] == [known, known]
    assert set(numbers[2:]) == {None}
    assert {op["of"] for op in operations(plan)} == {"datadog IR-1001", "devrev INC-7"}


def test_a_plan_file_is_kept_beside_what_is_shown(
    line: Line, sims: Sims, config: Path, plan: Path
) -> None:
    """It holds what ``--json`` prints and who was heard, for its owner alone; nothing else moves.

    The text is shown and the exit code is as without it.
    """
    line("once")
    renamed(sims, "Renamed")
    ledger, records = (config.parent / "instep.db").read_bytes(), sims.records()
    plain, ran = line("plan"), line("plan", "--out", plan)
    assert (ran.code, ran.out) == (plain.code, plain.out)
    kept, told = json.loads(plan.read_text()), line("plan", "--json").data
    assert kept["heard"] == ["devrev", "datadog", "status"]
    assert {*told} - {*kept} == {"exit", "kind"}
    assert [name for name in {*told} & {*kept} if told[name] != kept[name]] == []
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert (config.parent / "instep.db").read_bytes() == ledger
    assert sims.records() == records
    assert [path.name for path in config.parent.glob(".*")] == []


@pytest.mark.usefixtures("config")
def test_only_a_plan_is_overwritten(line: Line, sims: Sims, plan: Path) -> None:
    """Any other file keeps its bytes, and nobody is asked anything; a folder must be there."""
    plan.write_text("precious")
    ran = line("plan", "--out", plan)
    assert (ran.code, plan.read_text()) == (2, "precious")
    assert line("plan", "--out", plan.parent / "nowhere" / "plan.json").code == 2
    plan.unlink()
    assert [line("plan", "--out", plan).code for _ in range(2)] == [0, 0]
    assert sims.world.writes == 0


@pytest.mark.usefixtures("config")
def test_what_is_planned_is_what_is_written(line: Line, sims: Sims, plan: Path) -> None:
    """The list that the services log, and the ledger's journal, are the list of the plan."""
    line("plan", "--out", plan)
    once = line("once", "--plan", plan, "--json")
    assert (once.code, once.data["state"]) == (0, "completed")
    assert journal(plan.parent) == listed(plan)
    kinds = Counter((system, kind) for system, kind, *_ in listed(plan).elements())
    assert logged(sims) == Counter(
        (system, "create" if kind == "create" else "update") for system, kind in kinds.elements()
    )
    assert line("once", "--json").data["quiet"]


@pytest.mark.usefixtures("config")
def test_a_plan_is_done_once(line: Line, sims: Sims, plan: Path) -> None:
    """Said a second time the same plan is refused, and nothing is written."""
    line("plan", "--out", plan)
    assert line("once", "--plan", plan).code == 0
    writes = sims.world.writes
    again = line("once", "--plan", plan, "--json")
    assert (again.code, again.data["kind"]) == (4, "moved")
    assert sims.world.writes == writes


@pytest.mark.usefixtures("config")
def test_a_world_that_moved_is_told_and_left_alone(line: Line, sims: Sims, plan: Path) -> None:
    """A title edited in between: exit 4, nothing is written, and it says who said what, when.

    The ledger goes on, and the next plan can be done.
    """
    line("once")
    renamed(sims, "One name")
    line("plan", "--out", plan)
    renamed(sims, "Another name")
    writes = sims.world.writes
    ran = line("once", "--plan", plan)
    assert (ran.code, sims.world.writes) == (4, writes)
    told = next(row for row in ran.err.splitlines() if "update status" in row)
    assert "-> One name, now " in told
    assert "-> Another name; datadog said so at 20" in told
    assert line("ledger", "verify").code == 0
    assert line("plan", "--out", plan).code == 0
    assert line("once", "--plan", plan).code == 0
    assert logged(sims)["status", "update"] >= 1
    assert line("once", "--json").data["quiet"]


@pytest.mark.usefixtures("config")
def test_what_nobody_planned_is_told(line: Line, sims: Sims, plan: Path) -> None:
    """An incident opened in between is no part of the plan: nothing at all is written."""
    line("plan", "--out", plan)
    sims.doubles["devrev"].add(title="Opened since")
    ran = line("once", "--plan", plan)
    assert (ran.code, sims.world.writes) == (4, 0)
    assert "create status (of devrev INC-3): planned nothing, now to be done" in ran.err


@pytest.mark.usefixtures("config")
def test_numbers_are_no_part_of_the_world(line: Line, sims: Sims, plan: Path) -> None:
    """A refused plan has made its incidents known; if the world moves back it can be done."""
    title = sims.doubles["datadog"].records()[0]["attributes"]["title"]
    line("plan", "--out", plan)
    renamed(sims, "For a moment")
    assert line("once", "--plan", plan).code == 4
    renamed(sims, title)
    assert line("once", "--plan", plan).code == 0
    assert journal(plan.parent) == listed(plan)


@pytest.mark.usefixtures("config")
def test_what_comes_up_meanwhile_is_left_for_the_next_cycle(
    line: Line, sims: Sims, plan: Path
) -> None:
    """An edit made while the plan is done is not written by it, and is not lost."""
    line("once")
    devrev, datadog = sims.doubles["devrev"], sims.doubles["datadog"]
    renamed(sims, "Planned")
    line("plan", "--out", plan)
    sims.world.after("incidents.update", lambda: datadog.edit(datadog.ids()[1], title="Meanwhile"))
    before = logged(sims)
    assert line("once", "--plan", plan).code == 0
    assert logged(sims) - before == Counter({("devrev", "update"): 1, ("status", "update"): 1})
    assert line("once").code == 0
    assert [r["title"] for r in devrev.records()].count("Meanwhile") == 1


def test_a_system_that_is_away_now_is_a_move(
    line: Line, sims: Sims, tmp_path: Path, plan: Path
) -> None:
    """The plan rests on what every system said: one that says nothing now may have moved."""
    config = written(tmp_path, sims.ports)
    line("once")
    assert line("plan", "--out", plan).code == 0
    config.write_text(config.read_text().replace(str(sims.ports["datadog"]), str(closed_port())))
    ran = line("once", "--plan", plan)
    assert ran.code == 4
    assert "datadog was heard for the plan: now datadog could not be reached" in ran.err


def test_a_plan_without_a_system_is_one_without_it(
    line: Line, sims: Sims, tmp_path: Path, plan: Path
) -> None:
    """What was planned while a system was away is not done once that has more to say."""
    written(tmp_path, {**sims.ports, "datadog": closed_port()})
    assert line("plan", "--out", plan).code == 3
    assert json.loads(plan.read_text())["heard"] == ["devrev", "status"]
    written(tmp_path, sims.ports)
    assert line("once", "--plan", plan).code == 4
    assert sims.world.writes == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"instep_plan": 2}, "another format (2)"),
        ({"instep_plan": None}, "is no plan of instep"),
        ({"configuration": "0"}, "another configuration"),
        ({"operations": None}, "is no whole plan"),
        ({"held": [{"op": "create"}]}, "is no whole plan"),
        ({"heard": [{}]}, "is no whole plan"),
        ({"held": [{**OPERATION, "fields": None}]}, "is no whole plan"),
        ({"operations": [{**OPERATION, "fields": {"title": "new"}}]}, "is no whole plan"),
        ({"conflicts": [{**CONFLICT, "values": 5}]}, "is no whole plan"),
        ({"conflicts": [{**CONFLICT, "values": [{"value": 1}]}]}, "is no whole plan"),
        (
            {"conflicts": [{**CONFLICT, "values": [{"value": 1, "origins": [2]}]}]},
            "is no whole plan",
        ),
    ],
)
@pytest.mark.usefixtures("config")
def test_a_plan_that_does_not_fit_is_a_wrong_call(
    line: Line, sims: Sims, plan: Path, change: dict[str, Any], said: str
) -> None:
    """Another format, another configuration or no plan at all: said before anybody is asked."""
    line("plan", "--out", plan)
    plan.write_text(json.dumps(json.loads(plan.read_text()) | change))
    asked = len(sims.world.requests)
    ran = line("once", "--plan", plan)
    assert (ran.code, said in ran.err) == (2, True)
    assert len(sims.world.requests) == asked


@pytest.mark.usefixtures("config")
def test_what_is_nested_too_deeply_is_no_plan(line: Line, sims: Sims, plan: Path) -> None:
    """A file that no reader of JSON gets through is a wrong call, and is not overwritten."""
    plan.write_text("[" * 100_000)
    for command in (("once", "--plan", plan), ("plan", "--out", plan)):
        ran = line(*command)
        assert (ran.code, "is no plan of instep" in ran.err) == (2, True)
    assert plan.read_text() == "[" * 100_000
    assert sims.world.requests == []


@pytest.mark.usefixtures("config")
def test_a_plan_that_somebody_changed_is_not_done(line: Line, sims: Sims, plan: Path) -> None:
    """A line taken out of the file does not make the rest a plan, nor does another checksum."""
    line("plan", "--out", plan)
    whole = json.loads(plan.read_text())
    for change in ({"operations": whole["operations"][1:]}, {"checksum": "0"}):
        plan.write_text(json.dumps(whole | change))
        assert line("once", "--plan", plan).code == 4
    assert sims.world.writes == 0


def test_deletes_have_a_sign(line: Line, sims: Sims, config: Path, plan: Path) -> None:
    """Under ``on_gone: delete`` the others go with a record: shown as ``-``, and counted so."""
    config.write_text(
        config.read_text().replace("type: datadog,", "type: datadog, on_gone: delete,")
    )
    line("once")
    sims.doubles["datadog"].delete(sims.doubles["datadog"].ids()[0])
    shown = line("plan", "--out", plan)
    assert shown.out.splitlines()[1].startswith("  - devrev  INC-")
    assert shown.out.endswith("x 0 closes  - 2 deletes  held 0\n")
    once = line("once", "--plan", plan)
    assert (once.code, once.out.count(" x0 -1 ")) == (0, 2)
    assert [len(records) for records in sims.records()] == [5, 5, 5]


@pytest.mark.usefixtures("sims")
def test_no_file_or_no_json_is_a_wrong_call(line: Line, config: Path, plan: Path) -> None:
    """A file that is not there, or holds something else, is no plan."""
    assert line("once", "--plan", plan).code == 2
    assert line("once", "--plan", config).code == 2


def test_other_rules_are_another_configuration(
    line: Line, config: Path, plan: Path, sims: Sims
) -> None:
    """Rules that changed since the plan was made make it another one."""
    line("plan", "--out", plan)
    text = config.read_text()
    config.write_text(text[: text.index("  status: {from")])
    assert line("once", "--plan", plan).code == 2
    assert sims.world.writes == 0


def test_what_is_held_stays_held(line: Line, sims: Sims, tmp_path: Path, plan: Path) -> None:
    """A plan does what it lists; what it holds keeps its reason and its age, and waits on."""
    written(tmp_path, sims.ports, "limits: {creates: 1}\n")
    line("once")
    before = waiting(line)
    renamed(sims, "Renamed")
    assert line("plan", "--out", plan).code == 1
    assert {op["op"] for op in operations(plan)} == {"update"}
    assert line("once", "--plan", plan).code == 1
    assert journal(tmp_path, after=counted(tmp_path) - len(operations(plan))) == listed(plan)
    assert before
    assert waiting(line) == before


def waiting(line: Line) -> list[tuple[str, str, str]]:
    """List what is held: why, for which reason and since when."""
    groups = line("held", "--json").data["held"]
    return sorted((each["why"], each["reason"], each["since"]) for each in groups)


def counted(folder: Path) -> int:
    """Give the number of the journal's last row."""
    with closing(sqlite3.connect(folder / "instep.db")) as database:
        return int(database.execute("SELECT max(id) FROM journal").fetchone()[0])


def test_a_conflict_that_waits_is_part_of_the_plan(
    line: Line, sims: Sims, tmp_path: Path, plan: Path
) -> None:
    """Who differs is compared too: one who changes his mind has moved the world."""
    written(tmp_path, sims.ports, MANUAL)
    line("once")
    where = line("explain", "IR-1001", "--json").data["references"]
    devrev = next(row["record"] for row in where if row["system"] == "devrev")
    sims.doubles["devrev"].edit(devrev, title="One name")
    renamed(sims, "Another name")
    assert line("plan", "--out", plan).code == 1
    assert line("once", "--plan", plan).code == 1
    sims.doubles["devrev"].edit(devrev, title="A third name")
    ran = line("once", "--plan", plan)
    assert ran.code == 4
    assert "datadog IR-1001 title: planned waits (" in ran.err
    assert "devrev: A third name" in ran.err


@pytest.mark.usefixtures("config")
def test_a_backfill_does_what_it_shows(line: Line, sims: Sims, tmp_path: Path) -> None:
    """``--yes`` hears everything once, shows the sum of it, and lets through what is over."""
    written(tmp_path, sims.ports, "limits: {creates: 1}\n")
    listings = sims.world.count("POST /incidents.list")
    ran = line("backfill", "--yes")
    assert ran.code == 0
    assert sims.world.count("POST /incidents.list") == listings + 1
    assert ran.out.startswith("+ 3 creates  ")
    assert "held 9" in ran.out.splitlines()[0]
    assert [len(records) for records in sims.records()] == [6, 6, 6]
    assert line("once", "--json").data["quiet"]


def test_a_backfill_lets_through_nothing_but_the_limits(
    line: Line, sims: Sims, tmp_path: Path
) -> None:
    """What is held for another reason stays held, whatever ``--yes`` says."""
    written(tmp_path, sims.ports)
    for kind in ("devrev", "datadog"):
        sims.doubles[kind].add(title="Twice")
    line("backfill", "--yes")
    held = line("held", "--json").data["held"]
    assert {each["why"] for each in held} == {"alike"}


def test_a_backfill_within_the_limits_needs_no_word(line: Line, sims: Sims, tmp_path: Path) -> None:
    """What waits for other reasons does not keep a backfill from doing the rest."""
    written(tmp_path, sims.ports, MANUAL)
    line("once")
    where = line("explain", "IR-1001", "--json").data["references"]
    devrev = next(row["record"] for row in where if row["system"] == "devrev")
    sims.doubles["devrev"].edit(devrev, title="One name")
    renamed(sims, "Another name")
    sims.doubles["datadog"].edit(sims.doubles["datadog"].ids()[1], title="Uncontested")
    ran = line("backfill", "--json")
    assert (ran.code, ran.data["conflicts"]) == (1, 1)
    assert [r["title"] for r in sims.doubles["devrev"].records()].count("Uncontested") == 1
