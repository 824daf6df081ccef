"""Verifying ledgers: sound ones, and each fault made by hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from alembic import command
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant
from sqlalchemy import (
    Delete,
    Executable,
    Insert,
    Table,
    Text,
    Update,
    delete,
    func,
    insert,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.engine import make_url

from instep.core.fields import Decide
from instep.core.unit import OnGone
from instep.errors import LedgerError, UsageError
from instep.ledger import migrations, sqlite
from instep.ledger.migrations import HEAD
from instep.ledger.shapes import SHAPES, documents
from instep.ledger.tables import (
    conflicts,
    counters,
    digests,
    external_references,
    held,
    incidents,
    intents,
    metadata,
    sides,
)
from instep.ledger.verify import check_rows, verify
from tests.engine.machine import Machine
from tests.engine.mortal import TIGHT
from tests.engine.world import World
from tests.ledger.sound import Sound, others, rested, sound

#: Random histories that are looked at after every step.
HISTORIES = int(os.environ.get("HISTORIES", "20"))


@pytest.fixture
def one(tmp_path: Path) -> Sound:
    """Give a sound ledger of three incidents."""
    return sound(tmp_path)


def test_a_ledger_at_rest_is_sound_and_left_as_it_is(one: Sound) -> None:
    """Nothing is found, no byte is changed, and nothing is left beside the file."""
    before = one.path.read_bytes()
    assert one.found() == []
    assert one.path.read_bytes() == before
    assert [path.name for path in one.path.parent.iterdir()] == ["instep.db"]


def test_a_ledger_is_verified_while_it_is_open(tmp_path: Path) -> None:
    """A daemon need not be stopped for it, and what it wrote last is looked at."""
    world = World(url=f"sqlite:///{tmp_path / 'instep.db'}")
    world.memories["dev"].add(title="Checkout slow")
    rested(world)
    open_one = Sound(tmp_path / "instep.db", world.unit)
    assert open_one.found() == []
    with world.ledger.begin() as db:
        db.exec_driver_sql("UPDATE incidents SET uid = ''")
    assert open_one.checks() == [("uid", 1)]
    world.ledger.close()


def intent(number: int, incident: int, **values: Any) -> Insert:
    """Open an intent by hand."""
    sent = {"title": {"path": "title", "value": "a", "word": "a", "assumed": None, "carried": True}}
    usual = {
        "id": number,
        "incident": incident,
        "system": "dev",
        "kind": "update",
        "sent": sent,
        "mark": {"origin": "dev", "display": "", "uid": "u", "url": ""},
        "extra": {},
        "cause": "",
        "expires": 0.0,
        "run": 1,
        "written_at": "",
    }
    return insert(intents).values(usual | values)


def attic(incident: int) -> Insert:
    """Keep the loser of a conflict by hand."""
    return insert(conflicts).values(
        incident=incident,
        field="title",
        value="a",
        origins=["dev"],
        said_at="",
        cause="",
        run=1,
        decided_at="",
    )


def holding(incident: int) -> Insert:
    """Hold an operation by hand."""
    return insert(held).values(
        incident=incident,
        system="dev",
        kind="update",
        why="limit",
        reason="",
        checksum="x",
        fields={},
        since="",
        run=1,
    )


def due(incident: int | None = None) -> Update:
    """Make one incident due, or all of them."""
    all_due = update(incidents).values(due=True)
    return all_due if incident is None else all_due.where(incidents.c.id == incident)


def side(incident: int, system: str, **values: Any) -> Update:
    """Change a side."""
    one = (sides.c.incident == incident) & (sides.c.system == system)
    return update(sides).where(one).values(values)


def less(table: Table, incident: int, system: str) -> Delete:
    """Delete what belongs to a side."""
    return delete(table).where(table.c.incident == incident, table.c.system == system)


RENAMED = {"value": "Renamed", "origins": [], "at": ""}
FAULTS: dict[str, tuple[list[Executable], tuple[str, int | None]]] = {
    "a held row of no incident": ([holding(99)], ("missing", 99)),
    "an attic row of no incident": ([attic(98)], ("missing", 98)),
    "a blank uid": ([update(incidents).where(incidents.c.id == 2).values(uid=" ")], ("uid", 2)),
    "a live side without a reference": (
        [delete(digests), less(external_references, 3, "dog"), due(3)],
        ("reference", 3),
    ),
    "a reference without a side": ([less(sides, 1, "page"), due(1)], ("reference", 1)),
    "an edit that nobody decided": ([side(1, "page", says={"title": "Renamed"})], ("due", 1)),
    "a base that the sides were not told": (
        [update(incidents).where(incidents.c.id == 2).values(base={"title": RENAMED})],
        ("due", 2),
    ),
    "a doubt that nobody is to look into": ([side(2, "dev", doubt=True)], ("due", 2)),
    "a write that nobody is to recover": ([intent(1, 3)], ("due", 3)),
    "a write that says nothing": ([due(3), intent(1, 3, sent={})], ("intent", 3)),
    "a digest of a record that belongs nowhere": (
        [insert(digests).values(system="dog", record="nobody", digest="abc")],
        ("digest", None),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_and_nothing_else(one: Sound, name: str) -> None:
    """A fault made by hand is reported with its incident and what to do; the rest is sound."""
    statements, expected = FAULTS[name]
    one.change(*statements)
    assert one.checks() == [expected]
    (found,) = one.found()
    assert all((found.wrong, found.todo, not found.note))


#: What none of the documents may be, but for the two that may be this.
WRONG = ("{not JSON", '{"a": {"b": 1}}', '[{"b": 1}]', "7")
RIGHT = {("conflicts", "value", "7"), ("runs", "report", '{"a": {"b": 1}}')}
BAD = [(t, c, wrong) for t, c in SHAPES for wrong in WRONG if (t, c, wrong) not in RIGHT]


@pytest.mark.parametrize(("table", "column", "document"), BAD)
def test_a_document_that_is_not_what_it_should_be_is_found(
    one: Sound, table: str, column: str, document: str
) -> None:
    """Every document is parsed and its shape looked at; the incident that has it is named."""
    made = {"intents": intent(1, 1), "conflicts": attic(1), "held": holding(1)}
    known = metadata.tables[table]
    written = update(known).values({column: type_coerce(document, Text)})
    one.change(due(), *([made[table]] if table in made else []), written)
    ((count,),) = one.ask(select(func.count()).select_from(known))
    found = one.found()
    assert count > 0
    assert [each.check for each in found] == ["document"] * count
    assert all(f"{column} of {table} " in each.wrong for each in found)
    owned = table not in ("runs", "cursors")
    assert all((each.incident is not None) is owned for each in found)


def test_every_document_has_a_shape() -> None:
    """No column that holds documents is left out."""
    assert {(table.name, column.name) for table, column in documents()} == set(SHAPES)


def reference(**values: str | int) -> Insert:
    """Write an external reference by hand."""
    usual = dict.fromkeys(("birth", "display", "url", "opened", "origin_system"), "dev")
    return insert(external_references).values(usual | values)


CONSTRAINTS: dict[str, tuple[Table, str, list[Executable], tuple[str, int]]] = {
    "uid": (incidents, "UNIQUE (uid)", [update(incidents).values(uid="same")], ("uid", 1)),
    "reference": (
        external_references,
        "UNIQUE (incident, system)",
        [reference(incident=2, system="dev", record="another")],
        ("reference", 2),
    ),
    "shared": (
        external_references,
        "UNIQUE (system, record, birth)",
        [
            update(external_references)
            .where(external_references.c.system == "dog", external_references.c.incident > 1)
            .values(record="one", birth="one")
        ],
        ("shared", 2),
    ),
    "intent": (intents, "UNIQUE (incident, system)", [intent(1, 1), intent(2, 1)], ("intent", 1)),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_what_a_lost_constraint_let_in_is_found(one: Sound, name: str) -> None:
    """Two rows where there must be one are found, and so is what let them in."""
    table, constraint, statements, expected = CONSTRAINTS[name]
    one.without(table, constraint)
    one.change(delete(digests), due(), *statements)
    assert [found for found in one.checks() if found[0] != "schema"] == [expected]
    assert [found.wrong for found in one.found() if found.check == "schema"] == [
        f"lacks constraint {constraint} of {table.name}"
    ]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DROP TABLE journal", "lacks table journal"),
        ("DROP INDEX incidents_due", "lacks index incidents_due"),
        ("ALTER TABLE incidents ADD COLUMN more TEXT", "has a strange column incidents more"),
    ],
)
def test_a_schema_that_is_not_its_own_is_found(one: Sound, statement: str, told: str) -> None:
    """Missing tables, indexes and strange columns are named."""
    one.change(text(statement))
    found = one.found()
    assert found[0].check == "schema"
    assert told in found[0].wrong


def test_an_older_schema_is_a_note(one: Sound) -> None:
    """What the next start brings up to date is said, checked, and no fault."""
    one.path.unlink()
    engine = sqlite.engine(make_url(one.url))
    with engine.connect() as connection:
        command.upgrade(migrations._config(connection), "0001")
    engine.dispose()
    before = one.path.read_bytes()
    found = one.found()
    assert [(each.check, each.note) for each in found] == [("schema", True)]
    assert "0001" in found[0].wrong
    assert HEAD in found[0].wrong
    assert one.path.read_bytes() == before


def test_a_newer_schema_is_refused(one: Sound) -> None:
    """Nothing is said of a ledger whose rules this instep does not know."""
    one.change(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match="newer instep"):
        one.found()


def test_a_page_that_was_damaged_is_found(one: Sound) -> None:
    """An index that does not fit its table is found by SQLite's own check, and nothing else."""
    one.damage("incidents_origin", b"page", b"pagf")
    found = one.found()
    assert {each.check for each in found} == {"pages"}
    assert "incidents_origin" in found[0].wrong


def folder(path: Path) -> None:
    """Put a folder in the place of a file."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(b"not a database" * 500), "cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "cannot be read"),
        (Path.unlink, "there is no ledger"),
        (folder, "is a folder"),
    ],
)
def test_what_cannot_be_read_at_all_is_an_error(
    one: Sound, damage: Callable[[Path], Any], said: str
) -> None:
    """A file that is no database, or is not there, is said to be so, with advice."""
    damage(one.path)
    with pytest.raises(LedgerError, match=said) as caught:
        one.found()
    assert caught.value.advice


def test_an_empty_file_is_no_ledger(one: Sound) -> None:
    """A file of no bytes, as a full disk leaves it, is not taken for a sound ledger."""
    one.path.write_bytes(b"")
    assert one.checks() == [("schema", None)]


def test_a_ledger_that_is_no_file_is_not_verified(one: Sound) -> None:
    """Another database has its own tools; its password is not shown."""
    with pytest.raises(UsageError, match="not a file") as caught:
        verify("postgresql+psycopg://me:s3cret@localhost/x", one.unit, lambda: 0.0)
    assert "s3cret" not in caught.value.told


def test_a_system_that_is_not_configured_any_more_is_a_note(one: Sound) -> None:
    """References to it are counted, its sides are left alone, and the ledger is sound."""
    one.change(delete(counters).where(counters.c.name == "rules default"))
    found = others(one, "dev", "page").found()
    assert [(each.check, each.note) for each in found] == [("unknown", True)]
    assert "3 external references are to dog" in found[0].wrong


def test_other_rules_are_a_note(one: Sound) -> None:
    """What was at rest under other rules cannot be judged by these; the next run looks anew."""
    moved = update(counters).where(counters.c.name == "rules default")
    one.change(moved.values(value=counters.c.value + 1), side(1, "dev", doubt=True))
    found = one.found()
    assert [(each.check, each.note) for each in found] == [("due", True)]


def test_an_intent_whose_rule_went_away_is_a_note(one: Sound) -> None:
    """A field that was taken out of the configuration while its write was open is named."""
    sent = {"path": "mood", "value": "a", "word": "a", "assumed": None, "carried": True}
    one.change(due(), intent(1, 1, sent={"mood": sent}))
    found = one.found()
    assert [(each.check, each.note, each.incident) for each in found] == [("intent", True, 1)]
    assert "mood" in found[0].wrong


class VerifiedMachine(Machine):
    """Random histories whose ledger is verified after every step, killed or not."""

    @invariant()
    def the_ledger_is_sound(self) -> None:
        """Between two commits everything that is checked holds."""
        with self.world.ledger.begin() as db:
            found = check_rows(db, self.world.unit)
            assert [each for each in found if not each.note] == []


class VerifiedTogether(VerifiedMachine):
    """The same, where the records of an incident go together, within tight limits."""

    policy = Decide.MANUAL
    gone = {"dev": OnGone.DELETE}  # noqa: RUF012 - read only
    limits = TIGHT


SETTINGS = settings(
    max_examples=HISTORIES,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
TestVerified = VerifiedMachine.TestCase
TestVerified.settings = SETTINGS
TestTogether = VerifiedTogether.TestCase
TestTogether.settings = SETTINGS


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """Log nothing: histories would."""
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()


def _drop(*_: object) -> Any:
    """Drop a log line."""
    raise structlog.DropEvent
