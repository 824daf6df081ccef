"""The board of the demo: a row an incident, a column a system, and what was done last."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from instep.cli.demo_people import SEVERITIES, Edit
from instep.cli.demo_show import tell
from instep.cli.demo_view import SYSTEMS, Key, Seen, seen
from instep.cli.text import many

if TYPE_CHECKING:
    from instep.simulator.world import Simulator

#: Seconds for which a field is lit once it has changed; after that it keeps the colour.
LIT = 1.5
#: Lines of the ticker, and lines that are neither ticker nor incidents.
TICKER, AROUND = 7, 8
SHOWN = ("title", "severity", "status")
#: Who changed a field last: a person, or instep.
COLORS = {"person": "yellow", "instep": "green"}
RANKS = ("bold red", "red", "dark_orange", "yellow", "bright_black")


@dataclass(slots=True)
class Cell:
    """One incident in one system: what it says, and when and by whom each field was changed."""

    seen: Seen
    touched: dict[str, tuple[float, str]] = field(default_factory=dict)

    def turn(self, now: Seen, at: float, by: str) -> bool:
        """Take in what it says now; answers whether that is news."""
        changed = [name for name in SHOWN if getattr(now, name) != getattr(self.seen, name)]
        self.touched.update(dict.fromkeys(changed, (at, by)))
        self.seen = now
        return bool(changed)

    def style(self, name: str, now: float, usual: str = "") -> str:
        """Light up what has changed."""
        at, by = self.touched.get(name, (0.0, ""))
        if not by:
            return usual
        return f"bold black on {COLORS[by]}" if now - at < LIT else COLORS[by]


class Board:
    """What there is to see."""

    def __init__(self, doubles: Mapping[str, Simulator]) -> None:
        """Look at the services for the first time."""
        self._doubles = doubles
        self._began = time.monotonic()
        self._rows: dict[Key, dict[str, Cell]] = {}
        self._touched: dict[Key, float] = {}
        self._ticker: deque[Text] = deque(maxlen=TICKER)
        self._wrote: dict[str, Counter[str]] = {system: Counter() for system in SYSTEMS}
        self._cycles: Counter[str] = Counter()
        self._look(0.0, {})

    def look(self, person_in: str = "") -> None:
        """Look at the services; what changed in one system may be a person's doing."""
        by = {system: "person" if system == person_in else "instep" for system in SYSTEMS}
        self._look(time.monotonic(), by)

    def _look(self, at: float, by: Mapping[str, str]) -> None:
        for system, double in self._doubles.items():
            for one in seen(double):
                row = self._rows.setdefault(one.key, {})
                cell = row.get(system)
                if cell is None:
                    row[system] = cell = Cell(one)
                    if by:
                        cell.touched = dict.fromkeys(SHOWN, (at, by[system]))
                    self._touched[one.key] = at
                elif cell.turn(one, at, by.get(system, "")):
                    self._touched[one.key] = at

    def edited(self, edit: Edit) -> None:
        """Take in what a person did."""
        self.look(edit.system)
        self._tick(f"{edit.who} in {edit.system}: {edit.said}", COLORS["person"])

    def logged(self, event: Mapping[str, Any]) -> None:
        """Take in a log line of the daemon."""
        if event["event"] == "cycle.completed":
            self._cycles.update(cycles=1, quiet=int(event["quiet"]), kept=event["attic"])
            for system, tally in event["systems"].items():
                self._wrote[system].update({k: v for k, v in tally.items() if isinstance(v, int)})
        elif told := tell(event):
            self._tick(told, "magenta" if "conflict" in told else COLORS["instep"])

    def _tick(self, what: str, style: str) -> None:
        at = f"{time.monotonic() - self._began:6.1f} s  "
        self._ticker.append(Text.assemble((at, "bright_black"), (what, style)))

    def render(self, height: int) -> Group:
        """Draw all of it, or as many incidents as ``height`` has room for."""
        room = max((height - TICKER - AROUND) // 2, 1)
        latest = sorted(self._rows, key=self._touched.__getitem__)[-room:]
        keys = [key for key in self._rows if key in latest]
        lines = [*self._ticker, *[Text()] * (TICKER - len(self._ticker))]
        ticker = Panel(
            Group(*lines), title=self._state(), title_align="left", border_style="bright_black"
        )
        return Group(self._table(keys), ticker)

    def _table(self, keys: list[Key]) -> Table:
        now = time.monotonic()
        table = Table(
            box=box.ROUNDED, expand=True, border_style="bright_black", row_styles=("", "on grey7")
        )
        for system in SYSTEMS:
            wrote = self._wrote[system]
            counts = f"  +{wrote['creates']} ~{wrote['updates'] + wrote['closes']}"
            head = Text.assemble((system, "bold cyan"), (counts, "green"))
            table.add_column(head, ratio=1, no_wrap=True, overflow="ellipsis")
        for key in keys:
            table.add_row(*(_drawn(self._rows[key].get(system), now) for system in SYSTEMS))
        return table

    def _state(self) -> Text:
        told = (
            f" {many(self._cycles['cycles'], 'cycle')}, {self._cycles['quiet']} quiet, "
            f"{many(self._cycles['kept'], 'conflict')} kept - "
        )
        return Text.assemble(
            (told, "default"),
            ("by a person", COLORS["person"]),
            ", ",
            ("by instep ", COLORS["instep"]),
        )


def _drawn(cell: Cell | None, now: float) -> Text:
    """Draw one incident as one system has it."""
    if cell is None:
        return Text("\n")
    one, space = cell.seen, ("  ", "")
    known = SEVERITIES[_system_of(one)]
    rank = RANKS[known.index(one.severity)] if one.severity in known else "bright_black"
    return Text.assemble(
        (one.title, cell.style("title", now)),
        "\n",
        (one.severity or "-", cell.style("severity", now, rank)),
        space,
        (one.status, cell.style("status", now, "bright_black")),
        space,
        (one.name, "bright_black"),
    )


def _system_of(one: Seen) -> str:
    """Say whose words these are."""
    return {"INC": "devrev", "IR-": "datadog"}.get(one.name[:3], "prodmanager")
