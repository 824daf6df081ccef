"""Links by hand: which records a person names, and making them one incident's or parting them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from instep.app import Purpose, opened
from instep.cli.text import word
from instep.cli.why import REMOVE
from instep.core.operation import QUARANTINE
from instep.engine import orders
from instep.engine.context import load
from instep.engine.cycle import listen
from instep.engine.suggest import Suggestion, suggest
from instep.errors import InstepError, LedgerError, SideError, UsageError, WorldMoved
from instep.ledger import names, views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from instep.config import Config
    from instep.core.model import Incident
    from instep.engine.context import App

#: How a line of a reviewed file looks.
FORM = "a line is two records, such as: datadog:IR-12 devrev:ISS-5"


class Pair(NamedTuple):
    """Two records that are of one incident, as a person names them."""

    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record that a person named belongs; no ``system`` where an incident was named."""

    incident: int
    system: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a pair: its incident, or why it was refused; ``code`` is the exit code."""

    pair: Pair
    incident: int | None = None
    why: str = ""
    code: int = 0
    told: str = ""


def kept_out(app: App) -> list[dict[str, Any]]:
    """List records that carry keys that are not to be trusted, the oldest first."""
    return [
        {
            "why": str(row["why"]),
            "record": f"{row['system']}:{row['checksum']}",
            "incident": row["incident"],
            "reason": row["reason"],
            "since": row["since"],
            "advice": REMOVE,
        }
        for group in orders.groups(app)
        if group.why in QUARANTINE
        for row in group.rows
    ]


async def suggested(config: Config) -> tuple[list[Suggestion], dict[str, str]]:
    """Hear all systems into a copy of the ledger and suggest links; answers who was late, too."""
    async with opened(config, Purpose.PLAN) as app:
        await listen(app)
        return await suggest(app), dict(app.away)


def fresh(path: Path) -> None:
    """Make sure that a file is not there yet.

    Raises:
        UsageError: it is.
    """
    if path.exists():
        raise UsageError(f"{path} is there already", advice="name another; nothing is overwritten")


def write(path: Path, text: str) -> None:
    """Write a new file.

    Raises:
        UsageError: it cannot be written, or is there already.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def parsed(path: Path) -> list[Pair]:
    """Read a reviewed file: a pair of records a line; ``#`` begins a comment.

    Raises:
        UsageError: it cannot be read, or a line is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text", advice=FORM) from error
    pairs: list[Pair] = []
    for number, line in enumerate(lines, 1):
        said = line.partition("#")[0].split()
        if said and len(said) != 2:
            raise UsageError(f"{path}:{number}: {word(line.strip(), 100)}", advice=FORM)
        if said:
            pairs.append(Pair(*said))
    return pairs


async def unite(config: Config, pairs: Sequence[Pair]) -> list[Done]:
    """Make the records of each pair one incident's, once all pairs were checked.

    Raises:
        UsageError: a pair cannot be; nothing was done.
        SideError: a record is not known, and its system cannot be heard.
    """
    async with _at_hand(config, [record for pair in pairs for record in pair]) as app:
        places = [[await _find(app, record) for record in pair] for pair in pairs]
        rows = await app.desk(load, app, {p.incident for both in places for p in both})
        _check(pairs, places, rows)
        return [await _unite(app, pair) for pair in pairs]


async def _unite(app: App, pair: Pair) -> Done:
    """Make the records of one pair one incident's."""
    # Numbers move as incidents become one, so they are looked up again.
    one, other = [(await _find(app, record)).incident for record in pair]
    if one == other:
        return Done(pair, one, told=", linked already")
    try:
        number = await app.desk(orders.unite, app, one, other)
    except (UsageError, WorldMoved) as error:
        code = WorldMoved.exit_code if isinstance(error, WorldMoved) else 1
        return Done(pair, why=error.told, code=code)
    return Done(pair, number)


def _check(
    pairs: Sequence[Pair], places: Sequence[Sequence[Place]], rows: Iterable[Incident]
) -> None:
    """Make sure that no system would have two records in an incident."""
    joined = {row.id: frozenset({row.id}) for row in rows}
    held = {row.id: {n for n, side in row.sides.items() if side.reference} for row in rows}
    wrong: list[str] = []
    for pair, both in zip(pairs, places, strict=True):
        one, other = (joined[place.incident] for place in both)
        if one == other:
            continue
        twice = set().union(*(held[i] for i in one)) & set().union(*(held[i] for i in other))
        if twice:
            wrong.append(f"{' '.join(pair)}: {', '.join(sorted(twice))} would have two records")
        joined |= dict.fromkeys(one | other, one | other)
    if wrong:
        raise UsageError("\n  ".join(["nothing was linked", *wrong]), advice="one is enough there")


async def part(config: Config, record: str) -> tuple[int, int]:
    """Give a record an incident of its own; answers its number, and the one that it was of.

    Raises:
        UsageError: it is not known, the only one, or cannot leave; the message says why.
        SideError: its system cannot be asked for it.
    """
    async with _at_hand(config, [record]) as app:
        place = await _find(app, record)
        (row,) = await app.desk(load, app, [place.incident])
        having = [name for name, side in row.sides.items() if side.reference is not None]
        if not place.system:
            known = [f"{n}:{_display(row, n)}" for n in having]
            raise UsageError(
                f'"{record}" is incident {row.id}', advice=f"name a record: {', '.join(known)}"
            )
        if len(having) == 1:
            raise UsageError(f"{record} is the only record of incident {row.id}")
        return await orders.part(app, row.id, place.system), row.id


def _display(row: Incident, system: str) -> str:
    """Give the display id of an incident's record."""
    reference = row.side(system).reference
    return "" if reference is None else reference.display or reference.id


@asynccontextmanager
async def _at_hand(config: Config, records: Sequence[str]) -> AsyncIterator[App]:
    """Open the ledger itself; records that it does not know yet are heard of, if nobody else is.

    Raises:
        UsageError: a record is not known.
        SideError: the system that it is of could not be heard.
    """
    async with AsyncExitStack() as stack:
        try:
            app = await stack.enter_async_context(opened(config))
            alone = True
        except LedgerError:
            # A daemon is at work: orders are done beside it.
            app = await stack.enter_async_context(opened(config, Purpose.ORDER))
            alone = False
        if alone and await _unknown(app, records):
            await listen(app)
        if unknown := await _unknown(app, records):
            raise _strange(app, unknown, alone=alone)
        yield app


async def _unknown(app: App, records: Sequence[str]) -> list[str]:
    """List the records that the ledger does not know."""
    found = [(record, await app.desk(_places, app, record)) for record in records]
    return [record for record, places in found if not places]


def _strange(app: App, unknown: Sequence[str], *, alone: bool) -> InstepError:
    """Say that records are not known, and why that may be."""
    said = "the ledger knows no " + ", ".join(f'"{record}"' for record in unknown)
    for record in unknown:
        system = record.partition(":")[0]
        if system in app.away:
            return SideError(f"{said}: {app.away[system]}", system=system)
    advice = "name it as SYSTEM:DISPLAY-ID, such as datadog:IR-12"
    if not alone:
        advice += "; or the daemon that is at work has not heard of it yet"
    return UsageError(said, advice=advice)


async def _find(app: App, record: str) -> Place:
    """Give where the one record that is meant belongs.

    Raises:
        UsageError: more than one may be meant.
    """
    places = await app.desk(_places, app, record)
    if len(places) != 1:
        may = ", ".join(f"{p.system or 'one'} of incident {p.incident}" for p in places)
        raise UsageError(f'"{record}" may mean {may or "nothing"}', advice="use SYSTEM:DISPLAY-ID")
    return places[0]


def _places(app: App, record: str) -> list[Place]:
    """Find the records that a person may mean: by system and display id, else as explain does."""
    system, _, name = record.partition(":")
    with app.ledger.begin() as db:
        if system in app.unit.members and name:
            return [Place(number, system) for number in names.bound(db, system, name)]
        return [
            Place(number, found)
            for number in views.find(db, record)
            for found in _shown_as(views.references(db, number), record) or [""]
        ]


def _shown_as(references: Iterable[Mapping[str, Any]], record: str) -> list[str]:
    """Name the systems whose record of an incident has this name."""
    return [
        str(row["system"])
        for row in references
        if record in (row["record"], row["url"]) or str(row["display"]).lower() == record.lower()
    ]
