"""Queries for people: what they find, and that they change nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, insert

from instep.ledger import runs, views
from instep.ledger.database import MEMORY, Ledger, open_ledger
from instep.ledger.tables import (
    conflicts,
    external_references,
    held,
    incidents,
    intents,
    journal,
    metadata,
)

AT = "2026-02-03T09:12:00.000000Z"
SYNC = {
    f"last_sync_{way}_{what}": None for way in ("in", "out") for what in ("status", "date", "run")
}


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """Open a ledger in memory."""
    opened = open_ledger(MEMORY, lambda: 0.0)
    yield opened
    opened.close()


@pytest.fixture
def db(ledger: Ledger) -> Iterator[Connection]:
    """Fill a ledger with two incidents, one of which has a bit of everything."""
    with ledger.begin() as opened:
        for number in (1, 2):
            opened.execute(insert(incidents).values(**_incident(number)))
            opened.execute(insert(external_references).values(**_reference(number)))
        for index, since in enumerate(("2026-02-03", "2026-02-02")):
            opened.execute(insert(held).values(**_held(1 + index, since)))
        for run in (1, 2):
            opened.execute(insert(conflicts).values(**_loser(run)))
            for outcome in ("written", "refused"):
                opened.execute(insert(journal).values(**_write(run, outcome)))
        opened.execute(insert(intents).values(**_intent()))
        yield opened


def _incident(number: int) -> dict[str, object]:
    """Make an incident."""
    return {
        "id": number,
        "unit": "default",
        "uid": f"uid{number}",
        "origin": "dog",
        "origin_display": f"IR-{number}",
        "origin_url": "",
        "due": number == 1,
        "base": {},
        "opened_at": AT,
    }


def _reference(number: int) -> dict[str, object]:
    """Make an external reference; the own id of one is the number of the other."""
    return SYNC | {
        "incident": number,
        "system": "dog",
        "record": str(3 - number),
        "birth": "b",
        "display": f"IR-{number}",
        "url": f"https://dog/{number}",
        "opened": AT,
        "origin_system": "dog",
    }


def _held(number: int, since: str) -> dict[str, object]:
    """Make something held."""
    return {
        "incident": number,
        "system": "dev",
        "kind": "create",
        "why": "limit",
        "reason": "over",
        "checksum": "c",
        "fields": {"title": "t"},
        "since": since,
        "run": 1,
    }


def _loser(run: int) -> dict[str, object]:
    """Make a losing value."""
    return {
        "incident": 1,
        "field": "title",
        "value": f"v{run}",
        "origins": ["dev"],
        "said_at": AT,
        "cause": "decided for dog",
        "run": run,
        "decided_at": AT,
    }


def _write(run: int, outcome: str) -> dict[str, object]:
    """Make a line of the journal."""
    late = "z" if outcome == "refused" else ""
    return {
        "at": f"2026-02-0{run}{late}",
        "run": run,
        "incident": 1,
        "system": "dog",
        "kind": "update",
        "outcome": outcome,
        "cause": "",
    }


def _intent() -> dict[str, object]:
    """Make an open intent."""
    return {
        "incident": 1,
        "system": "dev",
        "kind": "create",
        "sent": {"title": {}},
        "mark": {},
        "extra": {},
        "cause": "dog has IR-1",
        "expires": 0.0,
        "run": 1,
        "written_at": AT,
    }


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("1", [1]),
        ("uid2", [2]),
        ("IR-2", [2]),
        ("ir-2", [2]),
        ("https://dog/1", [1]),
        ("IR-3", []),
        ("9", []),
        ("9" * 40, []),
        ("", []),
    ],
)
def test_an_incident_is_found_by_its_names(db: Connection, target: str, found: list[int]) -> None:
    """By number before all else, so that a record's own id never hides an incident."""
    assert views.find(db, target) == found


def test_a_record_id_finds_its_incident(db: Connection) -> None:
    """Where no incident has that number, a record's own id does."""
    values = _reference(1) | {"system": "page", "record": "77", "display": "#77"}
    db.execute(insert(external_references).values(**values))
    assert views.find(db, "77") == [1]
    db.execute(insert(external_references).values(**values | {"incident": 2, "birth": "c"}))
    assert views.find(db, "77") == [1, 2]


def test_lists_are_in_the_order_of_their_urgency(db: Connection) -> None:
    """What waits longest comes first, what lost last comes first."""
    assert [row["incident"] for row in views.held_up(db)] == [2, 1]
    assert [row["incident"] for row in views.held_up(db, 1)] == [1]
    assert [row["value"] for row in views.attic(db)] == ["v2", "v1"]
    assert [row["value"] for row in views.attic(db, limit=1)] == ["v2"]
    assert views.attic(db, 2) == []


def test_an_incident_is_told_with_what_belongs_to_it(db: Connection) -> None:
    """Its references, its open writes, where it began and whether it is due."""
    (reference,) = views.references(db, 1)
    assert reference["display"] == "IR-1"
    assert {name for name in reference if name.startswith("last_sync")} == set(SYNC)
    assert [row["cause"] for row in views.open_intents(db, 1)] == ["dog has IR-1"]
    assert views.began(db, 1)["origin_display"] == "IR-1"
    assert [views.is_due(db, number) for number in (1, 2, 3)] == [True, False, False]


def test_only_writes_that_arrived_count_as_written(db: Connection) -> None:
    """A refused write does not move the time of the last one."""
    assert views.wrote(db) == {"dog": "2026-02-02"}


def test_runs_and_cursors_are_told(ledger: Ledger) -> None:
    """The last runs first, when one last ended, and how far each system was heard."""
    with ledger.begin() as db:
        assert (views.last_runs(db, "default", 5), views.last_ended(db, "default")) == ([], "")
    first = runs.start(ledger, "default", "initial", AT)
    runs.end(ledger, first, "completed", AT, {"run": first})
    second = runs.start(ledger, "default", "incremental", AT)
    runs.heard(ledger, "default", "dog", at=5.0, swept=True)
    runs.heard(ledger, "default", "dev", at=5.0, swept=False, error="down")
    with ledger.begin() as db:
        assert [row["id"] for row in views.last_runs(db, "default", 5)] == [second, first]
        assert [row["id"] for row in views.last_runs(db, "default", 1)] == [second]
        assert views.last_ended(db, "default") == AT
        heard = views.heard(db, "default")
    assert (heard["dog"].heard_at, heard["dev"].error) == (5.0, "down")


def test_nothing_is_changed(db: Connection) -> None:
    """Every table holds afterwards what it held before."""

    def everything() -> list[list[object]]:
        return [list(db.execute(table.select())) for table in metadata.sorted_tables]

    before = everything()
    for view in (views.references, views.open_intents, views.began, views.is_due):
        view(db, 1)
    for listing in (views.attic, views.held_up, views.wrote):
        listing(db)
    assert everything() == before
