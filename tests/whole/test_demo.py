"""The demo as a process: it ends by itself, in step."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from tests.whole.program import KINDS, PATIENCE, Running, instep

pytestmark = pytest.mark.slow


def test_the_demo_ends_in_step(tmp_path: Path) -> None:
    """Incidents are made and changed in all three, a conflict is kept, and the end is quiet."""
    ran = instep("demo", "--for", "8", "--seed", "3", "--json", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    data = ran.data
    assert (data["in_step"], data["differences"], data["exit"], data["kind"]) == (
        True,
        [],
        0,
        "done",
    )
    assert [kind for kind in KINDS if not data["systems"][kind]["creates"]] == []
    assert [kind for kind in KINDS if not data["systems"][kind]["updates"]] == []
    assert [kind for kind in KINDS if not data["edits"][kind]] == []
    assert data["quiet"]
    assert data["cycles"] > data["quiet_cycles"] > 0
    assert data["attic"] > 0
    assert {key: data[key] for key in ("conflicts", "held", "dead", "due")} == dict.fromkeys(
        ("conflicts", "held", "dead", "due"), 0
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_ends_early_when_asked(tmp_path: Path, number: signal.Signals) -> None:
    """A signal ends it with its last line, and nothing is left behind or running."""
    running = Running("demo", "--for", "60", "--incidents", "1", cwd=tmp_path)
    running.said("cycle 1")
    ran = running.ended(number)
    assert ran.code in {0, 1}
    assert "in step" in ran.out.splitlines()[-1]
    assert "Traceback" not in ran.err


def test_on_a_terminal_it_moves(tmp_path: Path) -> None:
    """Three columns are drawn over and over; in the end the cursor is back and one line tells."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "instep", "demo", "--for", "2", "--incidents", "1"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=theirs) as process:
        os.close(theirs)
        guard = Timer(PATIENCE, process.kill)
        guard.start()
        shown = _read(ours)
        guard.cancel()
    assert process.returncode == 0
    for head in (*KINDS, "a person", "creates incident", "conflict"):
        assert head in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1
    assert shown.rstrip().endswith(": in step")
    assert list(tmp_path.iterdir()) == []


def _read(terminal: int) -> str:
    """Read all that is written to a terminal."""
    shown = b""
    try:
        while part := os.read(terminal, 65536):
            shown += part
    except OSError:
        # On Linux that is how the other side's end looks.
        pass
    finally:
        os.close(terminal)
    return shown.decode()
