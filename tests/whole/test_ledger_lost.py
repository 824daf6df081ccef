"""A ledger is lost, and made anew from the marks that the records carry."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.whole.program import (
    CREATE,
    KINDS,
    Running,
    Services,
    configured,
    instep,
    simulated,
    urls_of,
)

pytestmark = pytest.mark.slow

LEDGER = "instep.db"
#: Fields without what ProdManager's new records get said though nobody has said it.
PLAIN = """\
fields:
  components: off
  started_at:
    prodmanager: {path: start_impact_date, default: opened, direction: out}
"""

#: A start that was sent as ``opened`` is known for ours only once the first record was heard.
NO_START = "fields:" + PLAIN.partition("off")[2]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Serve three, each the origin of four incidents."""
    with simulated(tmp_path, "--incidents", "4") as running:
        yield running


def in_step(folder: Path, services: Services, more: str = "") -> None:
    """Configure instep for them and bring all in step."""
    configured(folder, urls_of(services), CREATE + more)
    assert instep("backfill", "--yes", cwd=folder).code == 0
    assert instep("once", "--json", cwd=folder).data["quiet"]


def ask(folder: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
    """Ask the ledger something."""
    with closing(sqlite3.connect(folder / LEDGER)) as connection:
        return connection.execute(query, values).fetchall()


def joined(folder: Path) -> set[tuple[str, str, str]]:
    """Say which record of which system belongs to which uid."""
    query = "SELECT uid, system, record FROM external_references e JOIN incidents i "
    return set(ask(folder, f"{query} ON i.id = e.incident"))


def planned(data: dict[str, Any]) -> dict[str, int]:
    """Count what a plan would do, by kind; what it would hold is counted, too."""
    kinds = [each["op"] for each in (*data["plan"]["operations"], *data["plan"]["held"])]
    return {kind: kinds.count(kind) for kind in ("create", "update", "close")}


def lose(folder: Path) -> None:
    """Delete the ledger, and all that lies beside it."""
    for file in folder.glob(f"{LEDGER}*"):
        file.unlink()


def writes(services: Services) -> dict[str, list[str]]:
    """Give all that was asked to be changed."""
    return {kind: service.writes for kind, service in services.items()}


def test_systems_in_step_are_in_step_with_a_rebuilt_ledger(
    tmp_path: Path, services: Services
) -> None:
    """Nothing would be made, changed or closed; every record is joined as before, by its uid."""
    in_step(tmp_path, services, PLAIN)
    before, wrote = joined(tmp_path), writes(services)
    assert len(before) == 36
    lose(tmp_path)
    ran = instep("ledger", "rebuild", "--yes", "--json", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert planned(ran.data) == {"create": 0, "update": 0, "close": 0}
    assert (ran.data["incidents"], ran.data["linked"]) == (12, dict.fromkeys(KINDS, 12))
    assert (ran.data["swapped"], ran.data["aside"]) == (True, None)
    assert joined(tmp_path) == before
    assert instep("ledger", "verify", cwd=tmp_path).code == 0
    cycle = instep("once", "--json", cwd=tmp_path)
    assert (cycle.code, cycle.data["quiet"]) == (0, True)
    assert writes(services) == wrote
    assert instep("ledger", "verify", cwd=tmp_path).code == 0


def test_what_every_new_record_gets_is_nobodys_word(tmp_path: Path, services: Services) -> None:
    """What ``create.set`` and defaults have put into a record is not said to the others."""
    in_step(tmp_path, services, NO_START)
    lose(tmp_path)
    ran = instep("ledger", "rebuild", "--json", cwd=tmp_path)
    assert planned(ran.data) == {"create": 0, "update": 0, "close": 0}


def edits(services: Services) -> dict[str, set[str]]:
    """Edit a record in each system, each of an incident that began in another one."""
    devrev, datadog, page = (services[kind] for kind in KINDS)
    names = {one["name"]: one for one in page.records}
    began = {kind: services[kind].records[0] for kind in KINDS}
    devrev.edit(
        next(r for r in devrev.records if r["title"] == began["prodmanager"]["name"]),
        title="Renamed while away",
    )
    datadog.edit(
        next(r for r in datadog.records if r["attributes"]["title"] == began["devrev"]["title"]),
        severity="SEV-5",
    )
    page.edit(names[began["datadog"]["attributes"]["title"]], description="Told while away")
    return {
        "title": {"Renamed while away"},
        "severity": {"minor"},
        "description": {"Told while away"},
    }


def test_what_people_did_meanwhile_is_kept(tmp_path: Path, services: Services) -> None:
    """Edits made without a ledger stand or are in the attic; nothing is made, closed or doubled."""
    in_step(tmp_path, services, PLAIN)
    before = joined(tmp_path)
    lose(tmp_path)
    made = edits(services)
    wrote = writes(services)
    shown = instep("ledger", "rebuild", "--json", cwd=tmp_path)
    assert (shown.code, shown.data["swapped"]) == (1, False)
    assert not (tmp_path / LEDGER).exists()
    ran = instep("ledger", "rebuild", "--yes", "--json", cwd=tmp_path)
    assert ran.code == 0
    assert planned(ran.data) == planned(shown.data)
    assert (planned(ran.data)["create"], planned(ran.data)["close"]) == (0, 0)
    assert writes(services) == wrote
    assert joined(tmp_path) == before
    for _ in range(2):
        assert instep("once", cwd=tmp_path).code == 0
    assert instep("once", "--json", cwd=tmp_path).data["quiet"]
    assert [len(service.records) for service in services.values()] == [12, 12, 12]
    assert joined(tmp_path) == before
    for field, values in made.items():
        query = "SELECT json_extract(base, '$.' || ? || '.value') FROM incidents"
        stands = {value for (value,) in ask(tmp_path, query, field)}
        attic = "SELECT json_extract(value, '$') FROM conflicts WHERE field = ?"
        assert values <= stands | {value for (value,) in ask(tmp_path, attic, field)}
    assert instep("ledger", "verify", cwd=tmp_path).code == 0


def test_a_corrupt_ledger_is_kept_aside(tmp_path: Path, services: Services) -> None:
    """What cannot be read is moved, not lost, and the new ledger joins every record as before."""
    in_step(tmp_path, services, PLAIN)
    before = joined(tmp_path)
    (tmp_path / LEDGER).write_bytes(b"nothing that a database would say" * 300)
    assert instep("once", cwd=tmp_path).code == 5
    assert instep("ledger", "verify", cwd=tmp_path).code == 5
    ran = instep("ledger", "rebuild", "--yes", "--json", cwd=tmp_path)
    assert (ran.code, planned(ran.data)) == (0, {"create": 0, "update": 0, "close": 0})
    aside = Path(ran.data["aside"])
    assert aside.parent == tmp_path
    assert aside.read_bytes() == b"nothing that a database would say" * 300
    assert joined(tmp_path) == before
    assert instep("once", "--json", cwd=tmp_path).data["quiet"]


def test_a_ledger_left_by_a_killed_daemon_is_kept_whole(tmp_path: Path, services: Services) -> None:
    """What is kept aside can be put back, with all that the daemon had written before its kill."""
    in_step(tmp_path, services, PLAIN)
    running = Running("run", cwd=tmp_path)
    running.said("cycle.completed", err=True)
    devrev = services["devrev"]
    devrev.edit(devrev.records[0], title="Edited before the kill")
    running.said("write.updated", err=True)
    running.said("cycle.completed", err=True)
    assert instep("ledger", "rebuild", "--yes", cwd=tmp_path).code == 5
    running.ended(signal.SIGKILL)
    assert (tmp_path / f"{LEDGER}-wal").stat().st_size > 0
    ran = instep("ledger", "rebuild", "--yes", "--json", cwd=tmp_path)
    assert (ran.code, planned(ran.data)) == (0, {"create": 0, "update": 0, "close": 0})
    kept = sorted(path.name for path in tmp_path.glob(f"{LEDGER}*"))
    assert kept == [LEDGER, Path(ran.data["aside"]).name, f"{LEDGER}.lock"]
    Path(ran.data["aside"]).rename(tmp_path / LEDGER)
    assert instep("ledger", "verify", cwd=tmp_path).code == 0
    titles = ask(tmp_path, "SELECT json_extract(base, '$.title.value') FROM incidents")
    assert ("Edited before the kill",) in titles
    assert instep("once", "--json", cwd=tmp_path).data["quiet"]
