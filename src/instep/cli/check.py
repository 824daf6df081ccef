"""``check``: is the configuration right, does it do what its tests say, can the systems be used."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.options import Call, command
from instep.cli.show import render_problem
from instep.cli.text import columns, emit, emit_lines, many
from instep.errors import UsageError

if TYPE_CHECKING:
    from instep.cli.trials import Tried
    from instep.config import Config
    from instep.core.unit import Unit


@command("check")
@click.option(
    "--online",
    is_flag=True,
    help="Ask each system, too: credentials, and every place and word in use.",
)
@click.option("--show", is_flag=True, help="Print the whole effective mapping.")
@click.option(
    "--tests",
    "tests",
    type=click.Path(path_type=Path),
    help="Run the mapping tests of another file as well.",
)
@click.option(
    "--create-fields",
    is_flag=True,
    help="Ask each system, and make the field for instep's mark where a Datadog lacks it.",
)
def check(call: Call, *, online: bool, show: bool, tests: Path | None, create_fields: bool) -> int:
    """Check the configuration, and run its mapping tests.

    With --online each system is asked, too, and nothing is written unless --create-fields asks
    for it. Before the first run it is also said how many writes of it people outside may be told
    of.
    """
    from instep.app import capable
    from instep.cli import online as services
    from instep.cli import trials
    from instep.config.effective import effective, effective_yaml

    config = call.load()
    unit = asyncio.run(capable(config))
    more = None if tests is None else _tests_of(tests, config)
    outcomes = asyncio.run(_tried(call, config, more, str(tests)))
    asks = online or create_fields
    answers = asyncio.run(services.ask(config, unit, prepare=create_fields)) if asks else {}
    code = _code(outcomes, answers)
    first = asyncio.run(_first(config)) if answers and not code else None
    place = str(call.place())
    data: dict[str, Any] = {
        "config": place,
        "warnings": [asdict(problem) for problem in config.warnings],
        "fields": {name: field.kind.value for name, field in unit.fields.items()},
        "systems": {name: _system(config, unit, name) for name in config.systems},
        "tests": trials.facts(outcomes),
        "answers": answers,
        "first_run": first,
        **({"mapping": effective(config)} if show else {}),
    }
    if call.json:
        return emit(data, code)
    for problem in config.warnings:
        click.echo(render_problem(problem, place, config.text) + "\n")
    if show:
        click.echo(effective_yaml(config))
    emit_lines([*_lines(data), *trials.lines(outcomes), *_answered(data)])
    return code


async def _first(config: Config) -> dict[str, Any] | None:
    """Say what a first run would do in systems that tell people outside; ``None`` after one.

    Everything is listed for that, so it is done only where there is somebody to be told.
    """
    from instep.app import Purpose, opened
    from instep.cli.planned import planned
    from instep.ledger import runs

    if not config.ledger.startswith("sqlite"):
        # A plan needs a copy of the ledger, which is made of a file.
        return None
    async with opened(config, Purpose.PLAN) as app:
        members = app.unit.members.values()
        tells = any(member.abilities.notifies and member.writable for member in members)
        if not tells or not await app.desk(runs.first, app.ledger, app.unit.name):
            return None
        found = await planned(app)
    return {"writes": len(found.plan.operations), "notifications": dict(found.notifications())}


def _system(config: Config, unit: Unit, name: str) -> dict[str, Any]:
    """Say what is configured for one system."""
    from instep.config import losses_of, unwritable

    member, settings = unit.members[name], config.systems[name]
    made = member.creation
    return {
        "type": settings.type,
        "url": settings.url,
        "writable": member.writable,
        "fields": list(member.rules),
        "create": None
        if made is None
        else {
            "from": sorted(made.origins),
            "when": str(made.when),
            "set": dict(made.words),
            "lacks": sorted(member.unmet),
        },
        "lost": [str(loss) for field in member.rules for loss in losses_of(unit, name, field)],
        "no_word_for": [f"{field} {word}" for at, field, word in unwritable(unit) if at == name],
    }


def _tests_of(path: Path, config: Config) -> Config:
    """Give the same configuration with the tests of a file."""
    from instep.config.trial_file import load_tests

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read", advice=str(error)) from None
    return load_tests(text, str(path), config, os.environ)


async def _tried(call: Call, config: Config, more: Config | None, source: str) -> list[Tried]:
    """Carry out the tests of the mapping: those in the configuration, and those of a file."""
    from instep.cli import trials

    found = await trials.run(config, str(call.place()))
    return found if more is None else [*found, *await trials.run(more, source)]


def _code(outcomes: Sequence[Tried], answers: Mapping[str, Any]) -> int:
    """Choose the exit code: a test that fails or a word that is missing is the file's mistake."""
    if not all(answer["ok"] for answer in answers.values()):
        return 3
    is_right = all(tried.outcome.passed for tried in outcomes)
    return 0 if is_right and not any(answer["missing"] for answer in answers.values()) else 2


def _lines(data: dict[str, Any]) -> Iterator[str]:
    """Say what the file comes to in a few lines."""
    systems = data["systems"]
    size = f"{many(len(systems), 'system')}, {many(len(data['fields']), 'field')}"
    failed = sum(not test["passed"] for test in data["tests"])
    right = f"can be read, but {many(failed, 'test')} of its mapping failed"
    yield f"{data['config']} {right if failed else 'is right'}: {size}"
    yield from columns([(name, *_told(system)) for name, system in systems.items()])
    if lost := sum(len(system["lost"]) for system in systems.values()):
        yield f"  {many(lost, 'word')} cannot come back: instep check --show names them"


def _answered(data: dict[str, Any]) -> Iterator[str]:
    """Say what the systems answered, and what a first run would do."""
    from instep.cli import online as services

    if not data["answers"]:
        yield "no system was asked: instep check --online"
        return
    yield ""
    for name, answer in data["answers"].items():
        yield from services.lines(name, answer)
    for name, count in (data["first_run"] or {}).get("notifications", {}).items():
        yield (
            f"{name}: a first run would make {many(count, 'public write')}, each of which may "
            "notify all its subscribers; instep plan shows them"
        )


def _told(system: dict[str, Any]) -> tuple[str, str, str]:
    """Say what is configured for one system: its type, its fields, what it is given."""
    made = system["create"]
    gets = f"gets incidents of {', '.join(made['from'])}" if made else "gets no new incidents"
    if made and made["when"]:
        gets += f" when {made['when']}"
    if made and made["lacks"]:
        gets += f", but none can be made: nothing says {' or '.join(made['lacks'])}"
    if not system["writable"]:
        gets = "is only heard"
    if system["no_word_for"]:
        gets += f"; has no word for {', '.join(system['no_word_for'])}"
    return system["type"], many(len(system["fields"]), "field"), gets
