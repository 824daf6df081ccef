"""The command line's door: which commands there are, and what an error becomes.

Nothing heavy is imported here or by ``--help``: a command's module is loaded when it is called.
"""

from __future__ import annotations

import difflib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from types import MappingProxyType
from typing import Any

import click

from instep.cli.options import Call, config_option, debug_option
from instep.cli.show import error_json, render_error
from instep.errors import InstepError, UsageError

#: Command -> the module that it lives in, and its line in the help.
COMMANDS = MappingProxyType(
    {
        "demo": ("demo", "Show instep at work on three simulated services."),
        "simulate": ("simulate", "Serve a simulated service on a port of this machine."),
        "init": ("init", "Write a first configuration file, for the systems that you have."),
        "check": ("check", "Check the configuration, and run its mapping tests."),
        "schema": ("schema", "Print the JSON Schema of the configuration, for editors."),
        "plan": ("plan", "Show what a cycle would write; nothing is written, here or there."),
        "once": ("once", "Run one cycle."),
        "backfill": ("once", "Hear everything, heard before or not, and bring all of it in step."),
        "run": ("run", "Run cycles until stopped: the daemon."),
        "status": ("status", "Tell whether all is in step, and what waits."),
        "explain": ("explain", "Tell all that is known of one incident, and what is decided."),
        "conflicts": (
            "conflicts",
            "List fields that wait for a person and values that lost, and settle them.",
        ),
        "held": ("held", "List what waits, and let it through or leave it undone."),
        "retry": ("retry", "Try again, in the next cycle, what services refused."),
        "links": ("links", "Link records of one incident, or part them."),
        "ledger": ("ledger", "Verify, back up, export or rebuild the ledger."),
    }
)
INTERRUPTED, BROKEN_PIPE, BUG = 130, 141, 70


class LazyGroup(click.Group):
    """A group whose commands are loaded when they are called, and no sooner."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List all commands, in the order of a first acquaintance."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"instep.cli.{COMMANDS[cmd_name][0]}")
        found: click.Command = getattr(module, cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command; Click itself would make a broken pipe exit 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise click.exceptions.Exit(_unread()) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called, or say which one may be meant."""
        if args[0] in COMMANDS or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        meant = f'; did you mean "{near[0]}"?' if near else ""
        raise click.UsageError(f'no such command "{args[0]}"{meant}', ctx)


def _version(context: click.Context, _: click.Parameter, value: bool) -> None:
    """Say which instep this is."""
    if value:
        from instep import __version__

        click.echo(f"instep {__version__}")
        context.exit()


@click.group("instep", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@config_option
@debug_option
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version.",
)
def instep() -> None:
    """Keep incidents in step across DevRev, Datadog Incident Management and ProdManager.

    Exit codes: 0 done; 1 done, but something waits for a person; 2 wrong call or configuration,
    nothing was started; 3 a system could not be used; 4 the world moved since it was looked at,
    nothing was written; 5 the ledger is unusable; 70 a bug in instep.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; answers the exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    call = Call()
    _tolerate(sys.stdout, sys.stderr)
    try:
        code = instep.main(args, prog_name="instep", standalone_mode=False, obj=call)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return _unread()
    except click.ClickException as error:
        call.json = call.json or "--json" in args
        return _misused(call, error)
    except Exception as error:  # noqa: BLE001 - the last one to see it, who says so
        return _failed(call, error)
    return code if isinstance(code, int) else 0


def _tolerate(*streams: Any) -> None:
    """Let no title break the output of a terminal that cannot show its letters."""
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _unread() -> int:
    """End quietly when nobody reads on, as in ``instep plan | head``."""
    # What is left in the buffer would fail once more when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _misused(call: Call, error: click.ClickException) -> int:
    """Say how a command is called."""
    error.show()
    if call.json:
        click.echo(json.dumps(error_json(UsageError(error.format_message()))))
    return UsageError.exit_code


def _failed(call: Call, error: Exception) -> int:
    """Say what went wrong: an error that is foreseen, or a bug."""
    first = error if isinstance(error, InstepError) else _bug(call, error)
    if first is error and first.exit_code == BUG:
        first = _bug(call, error)
    click.echo(call.hide(render_error(first, color=_wants_color())), err=True)
    if call.json:
        click.echo(call.hide(json.dumps(error_json(first))))
    return first.exit_code


def _bug(call: Call, error: Exception) -> InstepError:
    """Tell of a bug in one line, and of its traceback to those who ask."""
    if call.debug:
        click.echo(call.hide("".join(traceback.format_exception(error))), err=True)
    advice = "--debug shows the traceback, for the report" if not call.debug else ""
    return InstepError(f"a bug in instep: {type(error).__name__}: {error}", advice=advice)


def _wants_color() -> bool:
    """Whether errors are coloured."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stderr.isatty()
