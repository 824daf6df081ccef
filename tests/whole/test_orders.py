"""Orders beside a running daemon: just what was looked at goes, and the ledger stays sound."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.whole.program import CREATE, TOKEN, Running, configured, instep, simulated, urls_of

pytestmark = pytest.mark.slow

#: So long that the daemon is stopped between two cycles, not in one.
SLOWLY = "every: 5s"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Running, Any]]:
    """Run a daemon that holds creates; it stands still, between two cycles."""
    with simulated(tmp_path, "--incidents", "3") as services:
        path = configured(tmp_path, urls_of(services), CREATE + "limits: {creates: 2}\n")
        path.write_text(path.read_text().replace("every: 1s", SLOWLY))
        daemon = Running("run", cwd=tmp_path)
        daemon.said("cycle.completed", err=True)
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            yield daemon, services
        finally:
            daemon.process.kill()
            daemon.ended()


def group(folder: Path) -> dict[str, Any]:
    """Give what is held of the status page."""
    ran = instep("held", "--json", cwd=folder)
    found: dict[str, Any] = next(g for g in ran.data["held"] if g["system"] == "prodmanager")
    return found


def test_an_approval_lets_through_what_was_looked_at(
    tmp_path: Path, held: tuple[Running, Any]
) -> None:
    """What is renamed between the approval and the cycle waits on; the rest goes."""
    daemon, services = held
    looked_at = group(tmp_path)
    first, *rest = [operation["title"] for operation in looked_at["operations"]]
    assert rest
    assert instep("held", "approve", looked_at["name"], cwd=tmp_path).code == 0
    for record in services["devrev"].records:
        if record["title"] == first:
            services["devrev"].edit(record, title="Renamed after the approval")
    daemon.process.send_signal(signal.SIGCONT)
    daemon.said("cycle.completed", err=True)
    page = {record["name"] for record in services["prodmanager"].records}
    assert set(rest) <= page
    assert page.isdisjoint({first, "Renamed after the approval"})
    left = group(tmp_path)
    assert [each["title"] for each in left["operations"]] == ["Renamed after the approval"]
    assert instep("ledger", "verify", cwd=tmp_path).code == 0


@pytest.mark.usefixtures("held")
def test_what_people_keep_holds_no_credential(tmp_path: Path) -> None:
    """Neither a plan, an export or a backup nor what commands print has a token in it."""
    commands = [
        ("plan", "--out", "plan.json"),
        ("ledger", "backup", "copy.db"),
        ("ledger", "export", "--out", "ledger.jsonl"),
        ("held", "--json"),
        ("status", "--json"),
        ("explain", "1", "--json"),
    ]
    for command in commands:
        ran = instep(*command, cwd=tmp_path)
        assert ran.code in (0, 1)
        assert TOKEN not in ran.out + ran.err
    kept = [path for path in tmp_path.iterdir() if path.name != "instep.yaml"]
    assert {"plan.json", "copy.db", "ledger.jsonl", "instep.db"} <= {path.name for path in kept}
    assert [path.name for path in kept if TOKEN.encode() in path.read_bytes()] == []
