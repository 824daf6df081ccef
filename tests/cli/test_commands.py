"""What the commands say of three services that are kept in step."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.sims import TOKEN, Line, Sims, closed_port, written

OPERATION = {"op", "system", "incident", "of", "record", "fields", "reason"}
REPORT = {
    *("run", "mode", "state", "seconds", "incidents", "quiet", "systems"),
    *("conflicts", "attic", "held", "dead", "due", "exit", "kind"),
}
MANUAL = "fields:\n  title: {on_conflict: manual}\n"


@pytest.fixture
def config(sims: Sims, tmp_path: Path) -> Path:
    """Configure the simulated services."""
    return written(tmp_path, sims.ports)


def everything(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder, without what SQLite puts beside a file that is read."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if not path.name.endswith(("-shm", "-wal"))
    }


def test_check_asks_every_system_and_writes_nothing(line: Line, sims: Sims, config: Path) -> None:
    """Each system answers; the warnings of the file are shown without its secrets."""
    before = sims.records()
    ran = line("check", "--online", "--json")
    assert (ran.code, ran.data["kind"]) == (0, "done")
    assert {name: answer["ok"] for name, answer in ran.data["answers"].items()} == {
        "devrev": True,
        "datadog": True,
        "status": True,
    }
    assert ran.data["systems"]["status"]["create"]["set"] == {
        "scope": "eu-west",
        "service": "Checkout",
    }
    text = line("check", "--online")
    assert "W201" in text.out
    assert TOKEN not in text.out + ran.out
    assert sims.records() == before
    assert sims.world.writes == 0
    assert list(everything(config.parent)) == ["instep.yaml"]


def test_check_names_the_system_that_refuses(line: Line, sims: Sims, tmp_path: Path) -> None:
    """One system that cannot be used costs exit 3 and is named with advice; the others are ok."""
    written(tmp_path, {**sims.ports, "datadog": closed_port()})
    ran = line("check", "--online", "--json")
    assert ran.code == 3
    assert ran.data["answers"]["devrev"]["ok"]
    assert "could not be reached" in ran.data["answers"]["datadog"]["error"]
    assert ran.data["answers"]["datadog"]["advice"]
    assert "datadog could not be reached" in line("check", "--online").out


def test_check_asks_nobody_unless_told_to(line: Line, sims: Sims, config: Path) -> None:
    """The file alone is looked at."""
    assert line("check", "--config", config).code == 0
    assert sims.world.requests == []


@pytest.mark.usefixtures("config")
def test_plan_lists_what_once_then_writes(line: Line, sims: Sims) -> None:
    """The plan's operations are, one for one, what the next cycle counts."""
    plan = line("plan", "--json")
    assert plan.code == 0
    assert set(plan.data) == {
        *("checksum", "operations", "held", "conflicts", "notifications"),
        *("exit", "kind"),
    }
    assert all(set(op) == OPERATION for op in plan.data["operations"])
    assert sims.world.writes == 0
    once = line("once", "--json")
    assert (once.code, set(once.data)) == (0, REPORT)
    for name, tally in once.data["systems"].items():
        mine = [op["op"] for op in plan.data["operations"] if op["system"] == name]
        assert [tally["creates"], tally["updates"], tally["closes"]] == [
            mine.count("create"),
            mine.count("update"),
            mine.count("close"),
        ]


@pytest.mark.usefixtures("config")
def test_plan_speaks_common_words_and_repeats_itself(line: Line, sims: Sims) -> None:
    """Values are common words, from what the side reads as now to what was agreed."""
    line("once")
    sims.doubles["datadog"].edit(sims.doubles["datadog"].ids()[0], severity="SEV-1")
    plan = line("plan", "--json")
    assert plan.data == line("plan", "--json").data
    assert {op["system"] for op in plan.data["operations"]} == {"devrev", "status"}
    for op in plan.data["operations"]:
        assert op["op"] == "update"
        assert op["record"]
        assert op["fields"]["severity"]["to"] == "critical"
        assert op["fields"]["severity"]["from"] in ("high", "moderate", "low", "minor")
    text = line("plan")
    assert "severity" in text.out
    assert "-> critical" in text.out
    assert text.out.endswith("+ 0 creates  ~ 2 updates  x 0 closes  held 0\n")
    assert line("plan", "--short").out == "+ 0 creates  ~ 2 updates  x 0 closes  held 0\n"


def test_plan_writes_nothing_here_or_there(line: Line, sims: Sims, config: Path) -> None:
    """No ledger is made, and one that is there keeps every byte."""
    line("plan")
    assert list(everything(config.parent)) == ["instep.yaml"]
    line("once")
    sims.doubles["datadog"].edit(sims.doubles["datadog"].ids()[0], title="Renamed")
    before, records = everything(config.parent), sims.records()
    line("plan")
    line("status")
    line("held")
    line("explain", "1")
    assert everything(config.parent) == before
    assert sims.records() == records


def test_plan_goes_on_without_a_system(line: Line, sims: Sims, tmp_path: Path) -> None:
    """One system is away: the plan of the others is shown, and exit 3 says that one is missing."""
    written(tmp_path, {**sims.ports, "datadog": closed_port()})
    ran = line("plan", "--json")
    assert (ran.code, ran.data["kind"]) == (3, "system")
    assert {op["system"] for op in ran.data["operations"]} == {"devrev", "status"}
    text = line("plan")
    assert "late: datadog" in text.out
    assert "heard datadog: late" in text.err


@pytest.mark.usefixtures("config", "sims")
def test_a_quiet_world_is_one_line(line: Line) -> None:
    """With nothing to do the plan is one line, and the cycle is quiet."""
    line("once")
    assert line("plan").out == "in step: 6 incidents, nothing to do\n"
    once = line("once", "--json")
    assert (once.data["quiet"], once.data["mode"]) == (True, "incremental")
    assert "quiet" in line("once").out


def test_backfill_asks_before_it_goes_over_a_limit(line: Line, sims: Sims, tmp_path: Path) -> None:
    """Over a limit nothing at all is written without --yes; with it everything is."""
    written(tmp_path, sims.ports, "limits: {creates: 1}\n")
    ran = line("backfill")
    assert ran.code == 1
    assert "over limits.creates = 1" in ran.out
    assert "backfill --yes" in ran.err
    assert sims.world.writes == 0
    assert line("backfill", "--json").data["held"]
    done = line("backfill", "--yes", "--json")
    assert (done.code, done.data["held"]) == (0, 0)
    assert sum(tally["creates"] for tally in done.data["systems"].values()) == 12
    # In step there is nothing to ask about.
    assert line("backfill").code == 0


def test_what_is_held_is_listed_and_explained(line: Line, sims: Sims, tmp_path: Path) -> None:
    """What a limit holds exits 1 everywhere, with its reason."""
    written(tmp_path, sims.ports, "limits: {creates: 1}\n")
    once = line("once", "--json")
    assert (once.code, once.data["kind"]) == (1, "waiting")
    held = line("held", "--json")
    groups = held.data["held"]
    assert (held.code, sum(group["count"] for group in groups)) == (1, once.data["held"])
    assert groups[0]["reason"] == "over limits.creates = 1"
    incident = groups[0]["operations"][0]["incident"]
    why = line("explain", str(incident), "--json")
    assert why.code == 1
    nows = [system["now"] for system in why.data["fields"]["title"]["systems"].values()]
    assert any(now.startswith("held: over limits.creates = 1") for now in nows)
    status = line("status")
    assert status.code == 1
    assert status.out.startswith("NOT IN STEP: ")
    assert "instep held" in status.out
    assert "over limits.creates = 1" in line("held").out
    assert "! " in line("plan").out


def test_a_conflict_that_waits_is_listed_and_explained(
    line: Line, sims: Sims, tmp_path: Path
) -> None:
    """Two people rename one incident under ``manual``: each place names both values."""
    written(tmp_path, sims.ports, MANUAL)
    line("once")
    where = line("explain", "1", "--json").data
    shown = {row["system"]: row["record"] for row in where["references"]}
    sims.doubles["devrev"].edit(shown["devrev"], title="One name")
    sims.doubles["datadog"].edit(shown["datadog"], title="Another name")
    plan = line("plan", "--json")
    assert plan.code == 1
    (conflict,) = plan.data["conflicts"]
    assert (conflict["incident"], conflict["field"], conflict["waits"]) == (1, "title", True)
    assert {value["value"] for value in conflict["values"]} == {"One name", "Another name"}
    assert "waits for a person" in line("plan").out
    assert line("once", "--json").data["conflicts"] == 1
    listed = line("conflicts", "--json")
    assert (listed.code, listed.data["waiting"][0]["field"]) == (1, "title")
    assert "devrev: One name" in line("conflicts").out
    assert "1 conflict" in line("status").out
    why = line("explain", "1", "--json")
    assert "waits for a person" in why.data["fields"]["title"]["systems"]["status"]["now"]


@pytest.mark.usefixtures("config")
def test_a_conflict_that_was_decided_leaves_the_loser_in_the_attic(line: Line, sims: Sims) -> None:
    """The plan says who would win; afterwards the loser is listed and explained."""
    line("once")
    shown = {
        row["system"]: row["record"] for row in line("explain", "1", "--json").data["references"]
    }
    sims.doubles["devrev"].edit(shown["devrev"], title="One name")
    sims.doubles["datadog"].edit(shown["datadog"], title="Another name")
    (conflict,) = line("plan", "--json").data["conflicts"]
    assert not conflict["waits"]
    assert {conflict["takes"], conflict["values"][0]["value"]} == {"One name", "Another name"}
    assert line("once").code == 0
    listed = line("conflicts", "--json")
    assert (listed.code, len(listed.data["attic"])) == (0, 1)
    assert listed.data["attic"][0]["value"] == conflict["values"][0]["value"]
    assert "1 losing value kept" in line("conflicts").out
    assert "kept losers" in line("explain", "1").out


@pytest.mark.usefixtures("config", "sims")
def test_an_incident_is_found_by_all_its_names(line: Line) -> None:
    """Number, uid, a record's display id in any case, its URL and its own id lead to one."""
    line("once")
    first = line("explain", "1", "--json").data
    names = [first["uid"]]
    for row in first["references"]:
        names += [row["url"]]
        # ProdManager's ids are numbers, as those of incidents are.
        names += [] if row["system"] == "status" else [row["record"], row["display"].lower()]
    assert len(names) == 8
    assert {line("explain", name, "--json").data["incident"] for name in names} == {1}


@pytest.mark.usefixtures("config", "sims")
def test_an_unknown_target_says_what_was_tried(line: Line) -> None:
    """It is a wrong call (exit 2), and names the ways of naming an incident."""
    line("once")
    ran = line("explain", "IR-999999", "--json")
    assert (ran.code, ran.data["kind"]) == (2, "usage")
    for word in ("number", "uid", "display id", "URL"):
        assert word in ran.err


@pytest.mark.usefixtures("config")
def test_explain_says_what_stands_and_what_is_next(line: Line, sims: Sims) -> None:
    """In step after a cycle; where a write did not get through, what will be written, and when."""
    line("once")
    data = line("explain", "1", "--json").data
    assert data["fields"]["title"]["base"]["origins"] == [data["origin"]]
    assert {s["now"] for s in data["fields"]["title"]["systems"].values()} == {"in step"}
    assert {row["system"] for row in data["references"]} == {"devrev", "datadog", "status"}
    assert all("last_sync_out_status" in row for row in data["references"])
    sims.doubles["devrev"].edit(
        next(r["record"] for r in data["references"] if r["system"] == "devrev"), title="New"
    )
    sims.world.fault("/incidents/", "429")
    line("once")
    later = line("explain", "1", "--json").data
    nows = {name: at["now"] for name, at in later["fields"]["title"]["systems"].items()}
    assert later["due"]
    assert (nows["devrev"], nows["status"]) == ("in step", "in step")
    assert nows["datadog"].startswith("late: not taken 1 time: datadog answered 429 ")
    assert "; would write New to IR-" in nows["datadog"]
    assert "SHADOW" in line("explain", "1").out


@pytest.mark.usefixtures("sims")
def test_status_answers_first(line: Line, config: Path) -> None:
    """Before any cycle, in step after one, late when nobody has heard for long."""
    assert line("status", "--config", config).out.startswith("NOT IN STEP: no cycle has run yet")
    line("once")
    fine = line("status", "--json")
    assert (fine.code, fine.data["in_step"], fine.data["incidents"]) == (0, True, 6)
    assert line("status").out.startswith("IN STEP: 6 incidents\n")
    assert {system["state"] for system in fine.data["systems"].values()} == {"ok"}
    with sqlite3.connect(config.parent / "instep.db") as database:
        database.execute("UPDATE cursors SET heard_at = heard_at - 10000 WHERE system = 'devrev'")
    database.close()
    late = line("status", "--json")
    assert (late.code, late.data["systems"]["devrev"]["state"]) == (1, "late")
    assert "1 system late" in line("status").out


def test_status_tells_why_a_system_is_late(line: Line, sims: Sims, tmp_path: Path) -> None:
    """A system that could not be heard is late, with the reason."""
    written(tmp_path, {**sims.ports, "datadog": closed_port()})
    line("once")
    status = line("status", "--json")
    assert "could not be reached" in status.data["systems"]["datadog"]["why"]
    assert status.data["systems"]["devrev"]["state"] == "ok"


@pytest.mark.usefixtures("config", "sims")
def test_status_tells_what_a_quiet_cycle_costs(line: Line) -> None:
    """Requests and records of each system, from the last run in which nothing was written."""
    line("once")
    assert line("status", "--json").data["quiet"] == {}
    assert "quiet cycle" not in line("status").out
    once = line("once", "--json").data
    assert once["quiet"]
    told = line("status", "--json").data["quiet"]
    assert told == {
        name: {"requests": tally["requests"], "records": tally["records"]}
        for name, tally in once["systems"].items()
    }
    first, second, _ = told.values()
    assert (
        f"quiet cycle: devrev {first['requests']} requests for {first['records']} records, "
        f"datadog {second['requests']} for {second['records']}, status "
    ) in line("status").out


@pytest.mark.usefixtures("config")
def test_a_record_that_is_gone_is_told_and_does_not_put_all_out_of_step(
    line: Line, sims: Sims
) -> None:
    """Left alone (on_gone: keep) it is counted with its age, and where to look closer is said."""
    line("once")
    where = line("explain", "1", "--json").data["references"]
    record = next(row["record"] for row in where if row["system"] == "datadog")
    sims.doubles["datadog"].delete(record)
    assert line("once").code == 0
    status = line("status", "--json")
    (gone,) = status.data["gone"]
    assert (status.code, gone["system"], gone["count"], gone["incidents"]) == (0, "datadog", 1, [1])
    assert gone["since"]
    text = line("status").out
    assert text.startswith("IN STEP: ")
    assert "1 gone" in text
    assert "instep explain 1" in text
    now = line("explain", "1", "--json").data["fields"]["title"]["systems"]["datadog"]["now"]
    assert now.startswith("the record has been gone for ")
    assert now.endswith("left alone (on_gone: keep)")


@pytest.mark.usefixtures("sims")
def test_health_is_one_line_about_the_last_cycle(line: Line, config: Path) -> None:
    """0 if a cycle has ended in time, 1 before the first and when the last is long ago."""
    assert line("status", "--health").code == 1
    line("once")
    ran = line("status", "--health")
    assert ran.code == 0
    assert ran.out.startswith("ok: ")
    assert ran.out.count("\n") == 1
    with sqlite3.connect(config.parent / "instep.db") as database:
        database.execute("UPDATE runs SET ended_at = '2020-01-01T00:00:00.000000Z'")
    database.close()
    assert line("status", "--health", "--json").data["healthy"] is False
