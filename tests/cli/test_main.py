"""The command line's door: what it loads, what it understands, and what errors become."""

from __future__ import annotations

import importlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest

import instep.app
import instep.config
from instep import __version__
from instep.cli.main import COMMANDS, main
from instep.errors import InstepError, Rejected, WorldMoved
from instep.ledger.database import open_ledger
from instep.ledger.sqlite import Lock
from tests.cli.sims import TOKEN, Line, closed_port, written

HEAVY = {"httpx", "sqlalchemy", "pydantic", "apscheduler", "aiohttp", "asyncio", "uvicorn"}
#: Commands of other files, which may not be there.
MINE = sorted(set(COMMANDS) - {"demo", "simulate"})


@pytest.fixture
def down(tmp_path: Path) -> Path:
    """Configure three systems of which none answers."""
    port = closed_port()
    return written(tmp_path, dict.fromkeys(("devrev", "datadog", "prodmanager"), port))


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let every command fail as soon as it begins."""

    def load(*_: object) -> None:
        raise error

    monkeypatch.setattr(instep.config, "load", load)


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["nonsense"], []])
def test_the_first_word_is_quick(args: list[str]) -> None:
    """Help, version and a mistyped command load nothing that is slow to load."""
    code = (
        "import sys; from instep.cli.main import main; main(sys.argv[1:]); "
        "print(*sys.modules, sep='\\n')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True
    )
    assert HEAVY & set(ran.stdout.splitlines()) == set()


def test_help_lists_every_command(line: Line) -> None:
    """Each command stands in the help with a line of its own."""
    ran = line("--help")
    assert ran.code == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in ran.out] == []


@pytest.mark.parametrize("name", MINE)
def test_the_help_says_what_the_command_says(name: str) -> None:
    """The line that the help shows without loading a command is that command's own."""
    module, told = COMMANDS[name]
    found: click.Command = getattr(importlib.import_module(f"instep.cli.{module}"), name)
    assert (found.help or "").replace("\n", " ").startswith(told.removesuffix("."))
    assert found.name == name


def test_the_version_is_told(line: Line) -> None:
    """``--version`` names the package's version."""
    assert line("--version").out == f"instep {__version__}\n"


@pytest.mark.parametrize(("typed", "meant"), [("stauts", "status"), ("explian", "explain")])
def test_a_mistyped_command_is_guessed(line: Line, typed: str, meant: str) -> None:
    """A wrong command exits 2 and names the one that may be meant."""
    ran = line(typed)
    assert ran.code == 2
    assert f'did you mean "{meant}"?' in ran.err


def test_a_wrong_option_is_a_usage_error(line: Line) -> None:
    """A wrong option exits 2, and is told as data too where data is asked for."""
    ran = line("status", "--json", "--wat")
    assert ran.code == 2
    assert "--wat" in ran.err
    assert (ran.data["kind"], ran.data["exit"]) == ("usage", 2)


def test_without_a_configuration_the_places_are_named(line: Line) -> None:
    """Nobody said where the configuration is: all places that were tried are named."""
    ran = line("status")
    assert ran.code == 2
    for word in ("--config", "$INSTEP_CONFIG", "./instep.yaml", "instep init", "demo"):
        assert word in ran.err
    assert ran.out == ""


def test_a_named_configuration_that_is_missing_is_named(line: Line) -> None:
    """A path that does not exist is an error of the configuration, not of instep."""
    ran = line("check", "--config", "nowhere.yaml", "--json")
    assert ran.code == 2
    assert "nowhere.yaml" in ran.err
    assert ran.data["kind"] == "config"


def test_a_wrong_configuration_is_shown_at_its_place(line: Line, down: Path) -> None:
    """What is wrong is shown with line and caret, and all of it as data."""
    down.write_text(down.read_text() + "evry: 5s\n")
    ran = line("once", "--json")
    assert ran.code == 2
    assert 'unknown key "evry"' in ran.err
    assert "Nothing was started." in ran.err
    assert ran.data["problems"][0]["message"] == 'unknown key "evry"'
    assert not (down.parent / "instep.db").exists()


def test_the_configuration_is_found_in_this_order(
    line: Line, down: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option after the command, then before it, then the variable, then the usual place."""
    names = {name: tmp_path / f"{name}.yaml" for name in ("after", "before", "variable")}
    for name, path in names.items():
        path.write_text(f"{name}: 1\n")
    monkeypatch.setenv("INSTEP_CONFIG", str(names["variable"]))
    assert "variable.yaml" in line("status").err
    assert "before.yaml" in line("--config", names["before"], "status").err
    both = line("--config", names["before"], "status", "--config", names["after"])
    assert "after.yaml" in both.err
    monkeypatch.delenv("INSTEP_CONFIG")
    assert line("check").code == 0
    assert down.exists()


def test_the_log_level_is_checked(line: Line, down: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A level that does not exist is refused with those that do."""
    monkeypatch.setenv("INSTEP_LOG", "loud")
    ran = line("status", "--config", down)
    assert ran.code == 2
    assert "debug, info, warning, error" in ran.err


def test_systems_that_cannot_be_reached_exit_3(line: Line, down: Path) -> None:
    """``check --online``, ``plan``, ``once`` and ``backfill`` say so; facts stay on stdout."""
    assert line("check", "--online").code == 3
    ran = line("plan", "--json")
    assert (ran.code, ran.data["exit"], ran.data["kind"]) == (3, 3, "system")
    once = line("once", "--json")
    assert (once.code, once.data["kind"]) == (3, "system")
    assert once.data["systems"]["devrev"]["heard"] is False
    assert "could not be reached" in once.data["systems"]["devrev"]["why"]
    assert "system.unheard" in once.err
    assert line("backfill").code == 3
    assert TOKEN not in once.err + once.out + down.name


@pytest.mark.parametrize("command", ["once", "backfill", "run"])
def test_a_ledger_in_use_is_refused_with_its_holder(line: Line, down: Path, command: str) -> None:
    """Two that write to one ledger exclude each other: exit 5, and the first one is named."""
    with Lock(f"sqlite:///{down.parent / 'instep.db'}"):
        ran = line(command)
    assert ran.code == 5
    assert "the ledger is in use by pid" in ran.err


@pytest.mark.parametrize("command", ["once", "backfill", "run", "plan", "status", "held"])
def test_a_corrupt_ledger_exits_5_and_stays_as_it_is(line: Line, down: Path, command: str) -> None:
    """What is not a ledger is neither used nor touched."""
    path = down.parent / "instep.db"
    path.write_bytes(before := b"this is no database at all\n" * 99)
    ran = line(command)
    assert ran.code == 5
    assert "restore a backup" in ran.err
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", ["once", "run", "plan", "status"])
def test_a_newer_ledger_exits_5_and_stays_as_it_is(line: Line, down: Path, command: str) -> None:
    """A ledger of a later instep is neither used nor touched."""
    path = down.parent / "instep.db"
    open_ledger(f"sqlite:///{path}", lambda: 0.0).close()
    database = sqlite3.connect(path)
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.commit()
    database.close()
    before = path.read_bytes()
    ran = line(command)
    assert ran.code == 5
    assert "newer instep" in ran.err
    assert path.read_bytes() == before


@pytest.mark.parametrize("error", [KeyError("oh"), Rejected("oh"), InstepError("oh")])
def test_a_bug_exits_70_and_says_how_to_tell_of_it(
    line: Line, monkeypatch: pytest.MonkeyPatch, down: Path, error: Exception
) -> None:
    """A bug is one line, never 1 and never a traceback; --debug shows that."""
    failing(monkeypatch, error)
    ran = line("status", "--json", "--config", down)
    assert ran.code == 70
    assert "Traceback" not in ran.err
    assert "--debug" in ran.err
    assert (ran.data["kind"], ran.data["exit"]) == ("bug", 70)
    debugged = line("--debug", "status")
    assert debugged.code == 70
    assert "Traceback" in debugged.err


def test_every_error_keeps_its_exit_code(
    line: Line, monkeypatch: pytest.MonkeyPatch, down: Path
) -> None:
    """A world that moved exits 4."""
    failing(monkeypatch, WorldMoved())
    assert line("status", "--config", down).code == 4


def test_an_interrupt_exits_130(monkeypatch: pytest.MonkeyPatch, down: Path) -> None:
    """Ctrl-C is no error of instep's."""

    def load(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(instep.config, "load", load)
    assert main(["status", "--config", str(down)]) == 130


def test_nobody_who_reads_on_is_no_error(down: Path) -> None:
    """``instep ... | head`` ends without a traceback."""
    code = (
        "import os, sys; from instep.cli.main import main; read, write = os.pipe(); "
        "os.close(read); os.dup2(write, 1); sys.exit(main(sys.argv[1:]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "status", "--config", down],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (141, "")


def test_a_message_never_shows_a_secret(
    line: Line, monkeypatch: pytest.MonkeyPatch, down: Path
) -> None:
    """Even a bug that quotes a token is told without it, in text, data and traceback."""

    def leak(*_: object, **__: object) -> None:
        raise RuntimeError(f"sent {TOKEN}")

    monkeypatch.setattr(instep.app, "capable", leak)
    ran = line("--debug", "check", "--json", "--config", down)
    assert ran.code == 70
    assert TOKEN not in ran.err + ran.out
    assert json.loads(ran.out)["error"].endswith("sent ***")
