"""Commands that list and are given orders: their family, a look at the ledger, an order to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from instep.cli.options import config_option, debug_option, json_option
from instep.errors import UsageError

if TYPE_CHECKING:
    from instep.config import Config
    from instep.core.model import Incident
    from instep.engine.context import App

P = ParamSpec("P")
T = TypeVar("T")

HELP = ("-h", "--help")


class Lists(click.Group):
    """A group of commands that lists where none of them is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put in the command that is left out: options alone are those of the list."""
        named = {*self.commands, *HELP}
        if not args or (args[0].startswith("-") and named.isdisjoint(args)):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def lists(name: str, text: str) -> Lists:
    """Make a group of commands whose first is ``list``, with ``text`` as its help."""
    group = Lists(name, help=text, context_settings={"help_option_names": list(HELP)})
    for option in (config_option, debug_option, json_option):
        group = option(group)
    return group


async def look(
    config: Config, work: Callable[Concatenate[App, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Read a copy of the ledger, beside a daemon that may be at work."""
    from instep.app import Purpose, opened

    async with opened(config, Purpose.PLAN) as app:
        return await app.desk(work, app, *args, **kwargs)


async def order(
    config: Config, work: Callable[Concatenate[App, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do what a person wants in the ledger itself, beside a daemon that may be at work."""
    from instep.app import Purpose, opened

    async with opened(config, Purpose.ORDER) as app:
        return await app.desk(work, app, *args, **kwargs)


def meant(app: App, target: str) -> int:
    """Find the one incident that a number, a uid, or a record's id or URL means.

    Raises:
        UsageError: none is meant, or more than one.
    """
    from instep.ledger import views

    with app.ledger.begin() as db:
        found = views.find(db, target.strip())
    if len(found) == 1:
        return found[0]
    if found:
        numbers = ", ".join(map(str, found))
        raise UsageError(
            f'"{target}" may mean the incidents {numbers}', advice="name one by its number"
        )
    tried = "tried as an incident's number and uid, and as a record's display id, URL and own id"
    raise UsageError(f'the ledger knows no "{target}"', advice=tried)


def incident(app: App, number: int) -> Incident:
    """Load an incident.

    Raises:
        UsageError: the ledger knows no such number.
    """
    from instep.engine.context import load

    found = load(app, [number])
    if not found:
        raise UsageError(f"the ledger knows no incident {number}")
    return found[0]


def title(app: App, row: Incident) -> str:
    """Name an incident as people know it."""
    from instep.engine.alike import look as seen

    return seen(app.unit, row).title


def system(app: App, name: str) -> str:
    """Check the name of a system.

    Raises:
        UsageError: the configuration has no such system.
    """
    if name not in app.unit.members:
        raise UsageError(
            f'there is no system "{name}"', advice=f"one of {', '.join(app.unit.members)}"
        )
    return name
