"""How the demo is told without a terminal: in lines, or not at all before the end."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from instep.cli.text import many

if TYPE_CHECKING:
    import asyncio

    from instep.cli.demo_people import Edit
    from instep.cli.demo_play import Totals
    from instep.simulator.world import Simulator


class Silent:
    """Says nothing; warnings of the daemon go their usual way."""

    def begins(self, doubles: Mapping[str, Simulator], stop: asyncio.Event) -> None:
        """Say nothing."""

    def edited(self, edit: Edit) -> None:
        """Say nothing."""

    def logged(self, event: Mapping[str, Any]) -> bool:
        """Say nothing; warnings are left to the log."""
        del event
        return False

    async def ends(self, totals: Totals) -> None:
        """Say nothing."""


class Lines(Silent):
    """Says each thing on a line of its own, with the seconds since the beginning."""

    def __init__(self) -> None:
        """Begin now."""
        self._began = time.monotonic()
        self._is_first = True

    def begins(self, doubles: Mapping[str, Simulator], stop: asyncio.Event) -> None:
        """Say what there is."""
        del stop
        held = ", ".join(f"{system} {len(double.ids())}" for system, double in doubles.items())
        self._say(f"incidents at the beginning: {held}")

    def edited(self, edit: Edit) -> None:
        """Say who did what."""
        self._say(f"{edit.who} in {edit.system}: {edit.said}")

    def logged(self, event: Mapping[str, Any]) -> bool:
        """Say what was written; of the first cycle, which brings in everything, only how much."""
        whole = event["event"] == "cycle.completed"
        told = tell(event) if whole == self._is_first else ""
        if told:
            self._say(f"  {told}")
        self._is_first = self._is_first and not whole
        return bool(told)

    def _say(self, what: str) -> None:
        click.echo(f"{time.monotonic() - self._began:5.1f} s  {what}")


#: Event -> how it is told to people; those that are not here are not worth telling.
TOLD = MappingProxyType(
    {
        "write.created": "instep -> {system}: creates incident {incident}",
        "write.updated": "instep -> {system}: incident {incident}, {fields}",
        "write.stale": "instep -> {system}: incident {incident} has just moved, so it waits",
        "write.failed": "failed: {system}, incident {incident}",
        "write.unclear": "unclear: {system}, incident {incident}; it will be looked up",
        "conflict.decided": "conflict: incident {incident}, {field}; the losing value is kept",
        "system.unheard": "late: {system}",
        "cycle.completed": "instep, cycle {run}: {wrote}",
    }
)


def tell(event: Mapping[str, Any]) -> str:
    """Tell a log line to people, or nothing."""
    values = defaultdict(lambda: "?", event, fields=", ".join(event.get("fields", ())))
    if event["event"] == "cycle.completed":
        values["wrote"] = wrote(event["systems"])
    return TOLD.get(event["event"], "").format_map(values)


def wrote(systems: Mapping[str, Mapping[str, int]]) -> str:
    """Say how much was written in each system."""
    return ", ".join(
        f"{system} +{tally['creates']} ~{tally['updates'] + tally['closes']}"
        for system, tally in systems.items()
    )


def summary(totals: Totals) -> str:
    """Say it all in one line."""
    data = totals.data()
    requests = sum(tally["requests"] for tally in data["systems"].values())
    return (
        f"{many(data['incidents'] or 0, 'incident')}; wrote {wrote(data['systems'])}; "
        f"{many(sum(data['edits'].values()), 'edit')}, {many(data['attic'], 'conflict')} kept; "
        f"{many(requests, 'request')} in {many(data['cycles'], 'cycle')}, "
        f"{data['quiet_cycles']} quiet: {verdict(totals)}"
    )


def verdict(totals: Totals) -> str:
    """Say whether the three are in step, and if not, where they differ."""
    if totals.in_step:
        return "in step"
    first, *rest = totals.found or ["no cycle was completed"]
    more = f" (and {many(len(rest), 'more difference')})" if rest else ""
    return f"NOT in step: {first}{more}"
