"""Rebuilding a ledger: everything is heard into a new one, and nothing is settled."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL

from instep.app import Purpose, opened
from instep.cli.planned import Planned, planned
from instep.engine.hear import hear_all
from instep.engine.report import Report, Tally
from instep.errors import SideError
from instep.ledger import care, notes, runs
from instep.ledger.sqlite import Lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from instep.config import Config
    from instep.engine.context import App

#: What runs of this kind are called.
MODE = "rebuild"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A rebuilt ledger: how many incidents and records it joins, and the first plan on it.

    ``swapped`` says whether it is in place now, ``aside`` where the old one is, if there was one.
    """

    incidents: int
    linked: dict[str, int]
    planned: Planned
    swapped: bool = False
    aside: Path | None = None

    def data(self) -> dict[str, Any]:
        """Give it as JSON shows it."""
        return {
            "incidents": self.incidents,
            "linked": self.linked,
            "plan": self.planned.data(),
            "swapped": self.swapped,
            "aside": str(self.aside) if self.aside else None,
        }


async def rebuild(config: Config, *, swap: bool) -> Rebuilt:
    """Make a new ledger of what all systems hold, and ``swap`` it for the old one if asked to.

    Raises:
        SideError: a system could not be heard whole; nothing was changed.
        LedgerError: another instep writes to the ledger, or the new one cannot be written.
    """
    path = care.file_of(config.ledger, there=False)
    new = path.with_name(path.name + care.REBUILT)
    url = URL.create("sqlite", database=str(new)).render_as_string()
    elsewhere = config.model_copy(update={"ledger": url})
    with Lock(config.ledger), _cleared(new):
        async with opened(elsewhere) as app:
            linked = await _hear(app)
        async with opened(elsewhere, Purpose.PLAN) as app:
            found = await planned(app)
        _whole(found.report)
        made = Rebuilt(found.report.incidents, linked, found)
        if not swap:
            return made
        return replace(made, swapped=True, aside=care.swap(config.ledger, new, time.time()))


@contextmanager
def _cleared(new: Path) -> Iterator[None]:
    """Leave nothing of a new ledger under its passing name, nor anything a killed one left."""
    ends = ("", "-wal", "-shm", ".lock")
    files = [new.with_name(new.name + end) for end in ends]
    for file in files:
        file.unlink(missing_ok=True)
    try:
        yield
    finally:
        for file in files:
            file.unlink(missing_ok=True)


async def _hear(app: App) -> dict[str, int]:
    """Hear everything into an empty ledger, as a run of its own; answers records by system."""
    unit = app.unit
    await app.desk(runs.wake, app.ledger, unit)
    number = await app.desk(runs.start, app.ledger, unit.name, MODE, app.stamp())
    report = Report(number, MODE, {name: Tally() for name in app.systems})
    await hear_all(app, report, sweep=True)
    _whole(report)
    # As good as a first run: what follows is not to be taken for one.
    await app.desk(runs.end, app.ledger, number, "completed", app.stamp(), report.data())
    found = await app.desk(notes.linked, app.ledger)
    return {name: found.get(name, 0) for name in app.systems}


def _whole(report: Report) -> None:
    """Make sure that every system was heard."""
    for name, tally in report.systems.items():
        if not tally.heard:
            raise SideError(
                f"{name} was not heard whole: {tally.why}",
                system=name,
                advice="nothing was changed; a ledger is rebuilt when all systems can be heard",
            )
