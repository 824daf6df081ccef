"""``init``: a first configuration file, from a few answers."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from instep.cli.options import USUAL, Call, command
from instep.cli.text import columns, emit_lines
from instep.errors import UsageError

if TYPE_CHECKING:
    from instep.config.starter import Chosen
    from instep.errors import Problem

#: The last key of a path in the file -> the option that says it.
OPTIONS = {"site": "--datadog", "url": "--prodmanager", "timezone": "--timezone"}
FLAGS = "--devrev, --datadog SITE, --prodmanager URL"
KINDS = ("devrev", "datadog", "prodmanager")
STDOUT = "-"


@command("init", json=False)
@click.option("--devrev", is_flag=True, help="Keep a DevRev organisation in step.")
@click.option("--datadog", "site", metavar="SITE", default="", help="And a Datadog of this site.")
@click.option(
    "--prodmanager", "url", metavar="URL", default="", help="And the ProdManager at this address."
)
@click.option("--timezone", "zone", metavar="ZONE", help="That of ProdManager's server; else UTC.")
@click.option(
    "--output",
    metavar="PATH",
    help="The new file, else that of --config, else ./instep.yaml; - is the standard output.",
)
@click.option("--full", is_flag=True, help="Show every key, with its meaning and its default.")
@click.option("--schema", is_flag=True, help="Write the editor's schema beside it, too.")
def init(
    call: Call,
    *,
    devrev: bool,
    site: str,
    url: str,
    zone: str | None,
    output: str | None,
    full: bool,
    schema: bool,
) -> int:
    """Write a first configuration file, for the systems that you have.

    Without options it asks for them. No file is ever written over, and no secret is asked for:
    they stay in the environment.
    """
    from instep.config.editor import dumped
    from instep.config.starter import Chosen, in_full, starter

    usual = os.environ.get("INSTEP_CONFIG") or str(USUAL)
    output = output or call.config or usual
    files = _files(output, schema=schema)
    if devrev or site or url or zone:
        chosen = _given(Chosen(devrev=devrev, site=site, url=url), zone)
    else:
        chosen = _asked()
    text = in_full(chosen) if full else starter(chosen)
    if not files:
        click.echo(text, nl=False)
    for file, content in zip(files, (text, dumped()), strict=False):
        _write(file, content)
    with contextlib.redirect_stdout(sys.stderr if output == STDOUT else sys.stdout):
        emit_lines(_next(chosen, output, usual, is_schema_there=schema))
    return 0


def _files(output: str, *, schema: bool) -> list[Path]:
    """Name the files to write: the configuration, and the schema if it is wanted.

    Raises:
        UsageError: one of them is there already.
    """
    from instep.config.starter import SCHEMA

    if output == STDOUT:
        if schema:
            raise UsageError("--schema needs a file to stand beside", advice="instep schema")
        return []
    files = [Path(output), *([Path(output).parent / SCHEMA] if schema else [])]
    for file in files:
        if file.exists() or file.is_symlink():
            raise _there(file)
    return files


def _there(file: Path) -> UsageError:
    """Say that a file is there already."""
    advice = f"nothing is written over: move {file} away, or name another file with --output"
    return UsageError(f"{file} is there already", advice=advice)


def _given(chosen: Chosen, zone: str | None) -> Chosen:
    """Take the systems from the options.

    Raises:
        UsageError: they are too few, or what is said of one of them is wrong.
    """
    from instep.config.starter import wrong

    if zone and not chosen.url:
        raise UsageError("--timezone is that of a ProdManager", advice="add --prodmanager URL")
    if len(chosen.types) < 2:
        message = "one system alone has nothing to keep in step"
        raise UsageError(message, advice=f"name two of {FLAGS}")
    chosen = replace(chosen, zone=zone or chosen.zone)
    if problems := wrong(chosen):
        said = "\n".join(f"{OPTIONS[p.path.rpartition('.')[2]]}: {_told(p)}" for p in problems)
        raise UsageError(said, advice="nothing was written")
    return chosen


def _told(problem: Problem) -> str:
    """Say on one line what is wrong, and what would be right."""
    return f"{problem.message}; {problem.hint}" if problem.hint else problem.message


def _asked() -> Chosen:
    """Ask for the systems.

    Raises:
        UsageError: there is nobody to ask.
    """
    if not sys.stdin.isatty():
        advice = f"name two of {FLAGS}; --timezone ZONE goes with the last"
        raise UsageError("nobody to ask: this is no terminal", advice=advice)
    # What is asked must not stand in a file that the standard output goes to.
    with contextlib.redirect_stdout(sys.stderr):
        return _answers()


def _answers() -> Chosen:
    """Ask for the systems, and for what has to be known of each."""
    from instep.config.starter import Chosen

    kinds = click.prompt("Systems to keep in step", ", ".join(KINDS), value_proc=_kinds)
    chosen = Chosen(devrev="devrev" in kinds)
    # A second system stands beside the one that is asked for: alone, each would be wrong.
    two = Chosen(devrev=True)
    if "datadog" in kinds:
        site = _ask("Site of Datadog", "datadoghq.com", lambda said: replace(two, site=said))
        chosen = replace(chosen, site=site)
    if "prodmanager" in kinds:
        url = _ask("Address of ProdManager", None, lambda said: replace(two, url=said))
        zone = _ask("Its time zone", "UTC", lambda said: replace(two, url=url, zone=said))
        chosen = replace(chosen, url=url, zone=zone)
    return chosen


def _kinds(answer: str) -> list[str]:
    """Read which systems there are.

    Raises:
        UsageError: (Click's) fewer than two, or one that is not known; it is asked again.
    """
    from instep.config.findings import suggest

    kinds = re.findall(r"[^\s,]+", answer.casefold())
    for kind in kinds:
        if kind not in KINDS:
            raise click.UsageError(f'unknown system "{kind}"; {suggest(kind, KINDS)}')
    if len(set(kinds)) < 2:
        raise click.UsageError("one system alone has nothing to keep in step: name two")
    return kinds


def _ask(question: str, usual: str | None, made: Callable[[str], Chosen]) -> str:
    """Ask until the answer is one that ``check`` takes."""
    from instep.config.starter import wrong

    def checked(answer: str) -> str:
        for problem in wrong(made(answer)):
            raise click.UsageError(_told(problem))
        return answer

    answer: str = click.prompt(question, usual, value_proc=checked)
    return answer


def _write(file: Path, text: str) -> None:
    """Write a new file.

    Raises:
        UsageError: it is there already, or cannot be made.
    """
    try:
        with file.open("x", encoding="utf-8") as made:
            made.write(text)
    except FileExistsError:
        raise _there(file) from None
    except OSError as error:
        why = (error.strerror or "it cannot be made").lower()
        raise UsageError(f"{file} cannot be written: {why}") from None


def _next(chosen: Chosen, output: str, usual: str, *, is_schema_there: bool) -> Iterable[str]:
    """Say what was written, and what to do with it; ``usual`` is found without being named."""
    from instep.config.starter import NAMES, SCHEMA

    file = f"--config {shlex.quote(output)} " if output not in (STDOUT, usual) else ""
    names = [NAMES[kind] for kind in chosen.types]
    steps: list[tuple[str, str]] = []
    if chosen.url:
        steps.append(("edit", "what is marked EDIT"))
    steps.append(("set", ", ".join(chosen.variables)))
    if not is_schema_there:
        steps.append((f"instep schema > {SCHEMA}", "your editor then knows every key"))
    steps += [
        (f"instep {file}check", "is the file right"),
        (f"instep {file}check --online", "can each system be used, and has it all that is named"),
        (f"instep {file}plan", "what a first cycle would write"),
        (f"instep {file}once", "write it"),
    ]
    written = "The configuration" if output == STDOUT else output
    return [f"{written} keeps {', '.join(names)} in step. Next:", *columns(steps)]
