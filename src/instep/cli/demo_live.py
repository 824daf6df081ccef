"""The demo on a terminal, moving; and its last screen as a picture."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from instep.cli.demo_board import AROUND, TICKER, Board
from instep.cli.demo_show import Silent, summary

if TYPE_CHECKING:
    from instep.cli.demo_people import Edit
    from instep.cli.demo_play import Show, Totals
    from instep.simulator.world import Simulator

#: Seconds between two frames.
FRAME = 0.1
#: The picture: columns, and how many incidents it has room for.
WIDTH, INCIDENTS = 110, 11


class Screen(Silent):
    """Shows the board. Where it does not move, ``beside`` tells what happens instead."""

    def __init__(self, beside: Show, *, moving: bool, svg: Path | None) -> None:
        """Prepare."""
        self._beside = beside
        self._svg = svg
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False) if moving else None
        self._board: Board | None = None
        self._drawing: asyncio.Task[None] | None = None

    def begins(self, doubles: Mapping[str, Simulator], stop: asyncio.Event) -> None:
        """Begin to draw."""
        self._beside.begins(doubles, stop)
        self._board = Board(doubles)
        self._drawing = asyncio.create_task(self._draw(self._board, stop))

    async def _draw(self, board: Board, stop: asyncio.Event) -> None:
        """Draw frame by frame, until the play is over."""
        if self._live is not None:
            self._live.start()
        try:
            while not stop.is_set():
                self._frame(board)
                await asyncio.sleep(FRAME)
            self._frame(board)
        finally:
            if self._live is not None:
                self._live.stop()

    def _frame(self, board: Board) -> None:
        """Draw one frame."""
        board.look()
        if self._live is not None:
            self._live.update(board.render(self._console.size.height), refresh=True)

    def edited(self, edit: Edit) -> None:
        """Show who did what."""
        self._beside.edited(edit)
        if self._board is not None:
            self._board.edited(edit)

    def logged(self, event: Mapping[str, Any]) -> bool:
        """Show what was written; a moving screen leaves no room for log lines."""
        said = self._beside.logged(event)
        if self._board is not None:
            self._board.logged(event)
        return said or self._live is not None

    async def ends(self, totals: Totals) -> None:
        """Draw the last frame, and the picture if one is wanted."""
        if self._drawing is not None:
            await self._drawing
        if self._svg is not None and self._board is not None:
            _picture(self._board, summary(totals), self._svg)


def _picture(board: Board, told: str, path: Path) -> None:
    """Draw the board as it stands."""
    console = Console(
        record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(board.render(2 * INCIDENTS + TICKER + AROUND))
    console.print(Text(told, "bold"))
    drawn = console.export_svg(title="instep demo")
    # The fonts of the machine that shows it will do: a picture should fetch nothing.
    path.write_text(re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL), "utf-8")
