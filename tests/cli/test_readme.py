"""What the pages show: the configuration is right, and every command can be called like that."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from instep import errors
from instep.cli.main import BROKEN_PIPE, BUG, COMMANDS, INTERRUPTED, instep
from instep.cli.options import Call
from tests.cli.sims import Line

ROOT = Path(__file__).parents[2]
#: Pages that show calls as a user would type them.
SHOWING = ("README.md", "docs/explanation/the-ledger.md")
#: A call on a line of its own.
CALL = re.compile(r"^(?: {4}|\$ )instep (.*)$", re.MULTILINE)
#: Options that all commands have, described once.
EVERYWHERE = {"config", "debug", "json", "help"}


def page(name: str) -> str:
    """Read a page."""
    return (ROOT / name).read_text()


def shown() -> Iterator[str]:
    """Give every call that a page shows."""
    for name in SHOWING:
        for typed in CALL.findall(page(name)):
            for part in typed.split("&&"):
                yield part.partition(" #")[0].strip().removeprefix("instep ")


def meant(words: list[str]) -> tuple[click.Command, list[str]]:
    """Find the command that words call, and what it is given."""
    command: click.Command = instep
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            break
        command, words = found, words[1:]
    return command, words


def sections() -> dict[str, str]:
    """Give the sections of the page of commands, by what they are headed."""
    parts = re.split(r"^## ", page("docs/reference/cli.md"), flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: part for part in parts}


def options(command: click.Command) -> Iterator[str]:
    """Name the options of a command and of those below it."""
    for each in command.params:
        if isinstance(each, click.Option) and each.name not in EVERYWHERE:
            yield max(each.opts, key=len)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from options(below)


def test_the_configuration_of_the_readme_is_right(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the README says to copy is complete: only the secrets have to be there."""
    copied = re.search(r"```yaml\n(.*?)```", page("README.md"), re.DOTALL)
    assert copied
    (tmp_path / "instep.yaml").write_text(copied[1])
    for name in re.findall(r"\$\{(\w+)\}", copied[1]):
        monkeypatch.setenv(name, f"{name} of the tests")
    ran = line("check", "--json")
    assert (ran.code, ran.data["warnings"]) == (0, [])
    assert list(ran.data["systems"]) == ["devrev", "datadog", "status"]


@pytest.mark.parametrize("call", sorted(set(shown())))
def test_every_call_that_is_shown_can_be_made(call: str) -> None:
    """Each command of the README and of the explanations is one, and takes what it is given."""
    words = shlex.split(call)
    command, given = meant(words)
    assert command is not instep
    assert command.make_context("instep", given, obj=Call()).command is command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_described(name: str) -> None:
    """The page of commands lists each of them, and its section names each option."""
    told = sections()
    section = next(text for head, text in told.items() if name in head.split(" and "))
    command, _ = meant([name])
    assert re.search(rf"^\| \[`{name}`\]", page("docs/reference/cli.md"), re.MULTILINE)
    assert [each for each in options(command) if each not in section] == []
    if isinstance(command, click.Group):
        assert [each for each in command.commands if each not in section] == []


def test_the_exit_codes_are_those_of_the_errors() -> None:
    """The README and the page of commands name every code, and no other."""
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    ends = {each.exit_code for each in kinds if issubclass(each, errors.InstepError)} | {0, 1, BUG}
    page_of_all = re.findall(r"^\| (\d+) \|", sections()["Exit codes"], re.MULTILINE)
    assert {int(code) for code in page_of_all} == ends | {INTERRUPTED, BROKEN_PIPE}
    brief = page("README.md").partition("## Exit codes")[2].partition("\n## ")[0]
    assert {int(code) for code in re.findall(r"(?:^|· )(\d+) ", brief, re.MULTILINE)} == ends
