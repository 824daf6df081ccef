"""``instep ledger``: what its commands say, and what they leave alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from instep.ledger import sqlite
from tests.cli.sims import TOKEN, Line, Sims, closed_port, written

#: Puts no unasked word of a new record into the others.
PLAIN = """\
fields:
  components: off
  started_at:
    status: {path: start_impact_date, default: opened, direction: out}
"""
COMMANDS = (("verify",), ("backup", "copy.db"), ("export",), ("rebuild",))


@pytest.fixture
def config(sims: Sims, tmp_path: Path, line: Line) -> Path:
    """Configure the simulated services, and bring them in step."""
    path = written(tmp_path, sims.ports, PLAIN)
    assert line("once").code == 0
    return path


def break_uid(folder: Path) -> None:
    """Take an incident's uid away."""
    with closing(sqlite3.connect(folder / "instep.db")) as connection:
        connection.execute("UPDATE incidents SET uid = '' WHERE id = 2")
        connection.commit()


def files(folder: Path) -> dict[str, bytes]:
    """Read everything in a folder but the lock, which only says who had it last."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.endswith(".lock")}


@pytest.mark.usefixtures("config")
def test_a_sound_ledger_is_said_to_be_so(line: Line, tmp_path: Path) -> None:
    """Exit 0, one line, and not a byte is changed."""
    before = files(tmp_path)
    ran = line("ledger", "verify")
    assert (ran.code, ran.out) == (0, "the ledger is sound\n")
    assert line("ledger", "verify", "--json").data == {
        "sound": True,
        "findings": [],
        "exit": 0,
        "kind": "done",
    }
    assert files(tmp_path) == before


@pytest.mark.usefixtures("config")
def test_a_fault_is_told_with_its_incident_and_what_to_do(line: Line, tmp_path: Path) -> None:
    """Exit 5, and a program is told the same as a person."""
    break_uid(tmp_path)
    ran = line("ledger", "verify")
    assert ran.code == 5
    assert "wrong: incident 2: has no uid" in ran.out
    assert "instep ledger rebuild" in ran.out
    assert ran.out.endswith("the ledger is not sound: 1 fault\n")
    data = line("ledger", "verify", "--json").data
    assert (data["sound"], data["exit"], data["kind"]) == (False, 5, "ledger")
    assert [(each["check"], each["incident"]) for each in data["findings"]] == [("uid", 2)]


@pytest.mark.usefixtures("config")
def test_a_note_is_no_fault(line: Line, sims: Sims, tmp_path: Path) -> None:
    """A ledger that was settled under other rules is sound; that it was is said."""
    written(tmp_path, sims.ports)
    ran = line("ledger", "verify")
    assert ran.code == 0
    assert ran.out.startswith("note: the rules are others")
    assert ran.out.endswith("the ledger is sound\n")


@pytest.mark.usefixtures("config")
def test_a_link_to_itself_is_no_place_for_a_backup(line: Line, tmp_path: Path) -> None:
    """A symbolic link that leads nowhere is something that is there already."""
    (tmp_path / "loop").symlink_to("loop")
    ran = line("ledger", "backup", "loop")
    assert (ran.code, "loop is there already" in ran.err) == (2, True)


@pytest.mark.usefixtures("config")
def test_a_backup_says_where_and_how_much(line: Line, tmp_path: Path) -> None:
    """The rows are counted by table; the copy verifies as the ledger did."""
    ran = line("ledger", "backup", "copy.db")
    assert ran.code == 0
    assert ran.out.startswith("copy.db: ")
    assert "external_references  18" in " ".join(ran.out.split("\n"))
    data = line("ledger", "backup", "other.db", "--json").data
    assert (data["file"], data["exit"]) == (str(tmp_path / "other.db"), 0)
    assert (data["rows"]["incidents"], data["rows"]["alembic_version"]) == (6, 1)
    (tmp_path / "copy.db").rename(tmp_path / "instep.db")
    assert line("ledger", "verify").code == 0
    assert line("once", "--json").data["quiet"]


@pytest.mark.usefixtures("config")
def test_nothing_is_written_over(line: Line, tmp_path: Path) -> None:
    """A name that is taken is a wrong call, and what is there stays."""
    (tmp_path / "mine").write_text("mine")
    for command in (("backup", "mine"), ("export", "--out", "mine")):
        ran = line("ledger", *command)
        assert (ran.code, "there already" in ran.err) == (2, True)
    assert line("ledger", "export", "--out", "nowhere/mine").code == 2
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.usefixtures("config")
def test_an_export_is_lines_of_json(line: Line, tmp_path: Path) -> None:
    """On the standard output or in a file, the same rows; ``--json`` adds how many they are."""
    ran = line("ledger", "export")
    rows = [json.loads(each) for each in ran.out.splitlines()]
    assert ran.code == 0
    assert sum(row["table"] == "external_references" for row in rows) == 18
    out = line("ledger", "export", "--out", "all.jsonl", "--json")
    assert (tmp_path / "all.jsonl").read_text() == ran.out
    assert (out.data["rows"], out.data["exit"]) == (len(rows), 0)
    last = line("ledger", "export", "--json").out.splitlines()
    assert last[:-1] == ran.out.splitlines()
    assert json.loads(last[-1])["rows"] == len(rows)


@pytest.mark.usefixtures("config")
def test_no_secret_is_in_an_export(line: Line, sims: Sims, tmp_path: Path) -> None:
    """Tokens are neither in the rows of a good run nor in those of one that failed."""
    written(tmp_path, {**sims.ports, "datadog": closed_port()}, PLAIN)
    assert line("once").code == 3
    assert TOKEN in (tmp_path / "instep.yaml").read_text()
    ran = line("ledger", "export")
    assert "could not be reached" in ran.out
    assert TOKEN not in ran.out


@pytest.mark.usefixtures("config")
def test_an_export_that_has_no_room_leaves_nothing(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an export is not kept under its name."""

    def full(_: object) -> Iterator[str]:
        yield "{}"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("instep.ledger.care.export", full)
    ran = line("ledger", "export", "--out", "all.jsonl")
    assert (ran.code, "No space left on device" in ran.err) == (5, True)
    assert not (tmp_path / "all.jsonl").exists()


def test_a_rebuild_asks_before_it_changes_anything(
    line: Line, sims: Sims, config: Path, tmp_path: Path
) -> None:
    """Without ``--yes`` it tells what would come of it, exit 1; nothing is changed anywhere."""
    before, writes = files(tmp_path), sims.world.writes
    ran = line("ledger", "rebuild")
    assert ran.code == 1
    assert "heard 6 incidents" in ran.out
    assert "in step: 6 incidents, nothing to do" in ran.out
    assert "instep ledger rebuild --yes" in ran.err
    assert files(tmp_path) == before
    assert sims.world.writes == writes
    data = line("ledger", "rebuild", "--json", "--config", config).data
    assert (data["swapped"], data["aside"], data["exit"]) == (False, None, 1)
    assert data["plan"]["operations"] == []


@pytest.mark.usefixtures("config")
def test_a_rebuild_keeps_the_old_ledger(line: Line, sims: Sims, tmp_path: Path) -> None:
    """With ``--yes`` the new one is in place and in step; the old one lies beside it."""
    writes = sims.world.writes
    ran = line("ledger", "rebuild", "--yes", "--json")
    assert (ran.code, ran.data["swapped"]) == (0, True)
    aside = Path(ran.data["aside"])
    assert aside.name.startswith("instep.db.before-rebuild-")
    assert sorted(files(tmp_path)) == sorted(["instep.db", "instep.yaml", aside.name])
    assert line("ledger", "verify").code == 0
    assert line("once", "--json").data["quiet"]
    assert line("status").code == 0
    assert sims.world.writes == writes
    aside.rename(tmp_path / "instep.db")
    assert line("ledger", "verify").code == 0
    assert "the old one is" in line("ledger", "rebuild", "--yes").out


@pytest.mark.usefixtures("config")
def test_a_rebuild_needs_every_system(line: Line, sims: Sims, tmp_path: Path) -> None:
    """One system that cannot be heard: exit 3, it is named, and nothing is changed."""
    written(tmp_path, {**sims.ports, "datadog": closed_port()}, PLAIN)
    before = files(tmp_path)
    ran = line("ledger", "rebuild", "--yes")
    assert ran.code == 3
    assert "datadog was not heard whole" in ran.err
    assert "nothing was changed" in ran.err
    assert files(tmp_path) == before


@pytest.mark.usefixtures("config")
def test_a_rebuild_waits_for_no_daemon(line: Line, tmp_path: Path) -> None:
    """While another instep has the ledger it is refused, and nothing is changed."""
    before = files(tmp_path)
    with sqlite.Lock(f"sqlite:///{tmp_path / 'instep.db'}"):
        ran = line("ledger", "rebuild", "--yes")
    assert (ran.code, "in use by" in ran.err) == (5, True)
    assert files(tmp_path) == before


@pytest.mark.usefixtures("config")
def test_what_a_killed_rebuild_left_is_in_nobodys_way(line: Line, tmp_path: Path) -> None:
    """A half-made new ledger is thrown away, and the rebuild begins anew."""
    (tmp_path / "instep.db.rebuilt").write_bytes(b"half of one")
    ran = line("ledger", "rebuild", "--yes", "--json")
    assert (ran.code, ran.data["incidents"]) == (0, 6)
    assert not list(tmp_path.glob("*rebuilt*"))


@pytest.mark.parametrize("command", COMMANDS)
def test_another_database_has_its_own_tools(
    line: Line, sims: Sims, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """What is not a file of SQLite is not cared for; its password is not shown."""
    path = written(tmp_path, sims.ports)
    url = "postgresql+psycopg://me:s3cret-word@localhost/x"
    path.write_text(path.read_text().replace(f"sqlite:///{tmp_path / 'instep.db'}", url))
    ran = line("ledger", *command)
    assert (ran.code, "pg_dump" in ran.err) == (2, True)
    assert "s3cret-word" not in ran.out + ran.err


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_without_a_ledger_there_is_nothing_to_care_for(
    line: Line, sims: Sims, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A missing file is said, with what to do; none is made."""
    written(tmp_path, sims.ports)
    ran = line("ledger", *command, "--json")
    assert (ran.code, ran.data["kind"]) == (5, "ledger")
    assert "there is no ledger" in ran.data["error"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["instep.yaml"]
