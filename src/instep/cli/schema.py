"""``schema``: what an editor needs to know of the configuration."""

from __future__ import annotations

import click

from instep.cli.options import Call, command


@command("schema", json=False)
def schema(call: Call) -> int:
    """Print the JSON Schema of the configuration, for editors.

    It completes, explains and checks the file there, where the file's first line names it.
    """
    from instep.config.editor import dumped

    del call
    click.echo(dumped(), nl=False)
    return 0
