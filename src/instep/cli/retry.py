"""``retry``: try again in the next cycle what services refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from instep.cli.lists import meant, order, system
from instep.cli.options import Call, command
from instep.cli.text import emit, many

if TYPE_CHECKING:
    from instep.engine.context import App


@command("retry")
@click.argument("target", required=False)
@click.option("--system", "where", metavar="NAME", help="Only what goes to this system.")
def retry(call: Call, *, target: str | None, where: str | None) -> int:
    """Try again, in the next cycle, what services refused.

    All of it, or that of one incident: TARGET is its number or uid, or a record's id or URL. Of
    one incident, records that were let go are wanted again, too.
    """
    count = asyncio.run(order(call.load(), _retry, target, where))
    if call.json:
        return emit({"retried": count}, 0)
    if count:
        click.echo(f"{many(count, 'operation')} tried again in the next cycle")
    else:
        click.echo("nothing is refused" if target is None else "nothing of it is refused or let go")
    return 0


def _retry(app: App, target: str | None, where: str | None) -> int:
    """Let it be tried again; answers how many operations that are."""
    from instep.engine import orders

    number = None if target is None else meant(app, target)
    return orders.retry(app, number, None if where is None else system(app, where))
