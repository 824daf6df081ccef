"""Links: where a service can show them, people find the other records of an incident.

Nothing depends on them, so one that could not be made costs a line in the log and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import structlog

from instep.core.model import Incident, Reference
from instep.engine.context import App, load
from instep.errors import RecordError, SideError

log = structlog.get_logger()


async def show_links(app: App, joined: Collection[int]) -> None:
    """Show links in every record of incidents that some record has just joined."""
    members = app.unit.members.items()
    able = [name for name, m in members if m.abilities.links and m.writable]
    if not able or not joined:
        return
    rows = await app.desk(load, app, joined)
    await asyncio.gather(*(_show(app, rows, name) for name in able if name not in app.away))


async def _show(app: App, rows: Sequence[Incident], name: str) -> None:
    """Show them in one system, some at once; the rest is left where it cannot be used."""
    live = [row for row in rows if row.side(name).live]
    for at in range(0, len(live), app.workers):
        part = live[at : at + app.workers]
        if not all(await asyncio.gather(*(_link(app, row, name) for row in part))):
            return


async def _link(app: App, incident: Incident, name: str) -> bool:
    """Show one record where the others are; answers whether the system can be used."""
    record = incident.side(name).reference or Reference("", "")
    links = {
        f"{other} {side.reference.display}": side.reference.url
        for other, side in incident.sides.items()
        if other != name and side.live and side.reference and side.reference.url
    }
    try:
        await app.systems[name].link(record.id, links)
    except (SideError, RecordError) as error:
        log.warning("link.failed", system=name, incident=incident.id, why=error.told)
        return isinstance(error, RecordError)
    return True
