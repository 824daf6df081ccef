"""The demo as a process: it ends by itself, in step."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.whole.program import KINDS, Running, instep

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
