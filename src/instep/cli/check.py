"""``check``: is the configuration right, and can every system be used."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from instep.cli.options import Call, command
from instep.cli.show import render_problem
from instep.cli.text import columns, emit, emit_lines, many
from instep.errors import RecordError, SideError, UsageError

if TYPE_CHECKING:
    from instep.config import Config
    from instep.core.unit import Unit
    from instep.systems.base import System

Answers = dict[str, dict[str, Any]]


@command("check")
@click.option("--offline", is_flag=True, help="Look at the configuration only; ask no system.")
@click.option(
    "--create-fields",
    is_flag=True,
    help="Make the field that instep keeps its mark in, where a Datadog lacks it.",
)
def check(call: Call, *, offline: bool, create_fields: bool) -> int:
    """Check the configuration, and ask each system whether it can be used.

    Nothing is written, unless --create-fields asks for it. Before the first run it is also said
    how many writes of it people outside may be told of.
    """
    from instep.config import unit_of

    if offline and create_fields:
        raise UsageError("--offline asks no system, so no field can be made in one")
    config = call.load()
    unit = unit_of(config)
    answers = asyncio.run(_ask(config, offline=offline, prepare=create_fields))
    code = 0 if all(answer["ok"] for answer in answers.values()) else 3
    first = asyncio.run(_first(config)) if answers and not code else None
    place = str(call.place())
    data: dict[str, Any] = {
        "config": place,
        "warnings": [asdict(problem) for problem in config.warnings],
        "fields": {name: field.kind.value for name, field in unit.fields.items()},
        "systems": {name: _system(config, unit, name) for name in config.systems},
        "answers": answers,
        "first_run": first,
    }
    if call.json:
        return emit(data, code)
    for problem in config.warnings:
        click.echo(render_problem(problem, place) + "\n")
    emit_lines(_lines(data))
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


async def _ask(config: Config, *, offline: bool, prepare: bool) -> Answers:
    """Ask every system at once; offline, only make sure that it could be asked."""
    from instep.app import connect

    systems = connect(config, {})
    try:
        if offline:
            return {}
        # What is only heard is not written to, be it a setting.
        asked = [
            _answer(system, prepare=prepare and config.systems[name].writable)
            for name, system in systems.items()
        ]
        answers = await asyncio.gather(*asked)
        return dict(zip(systems, answers, strict=True))
    finally:
        for system in systems.values():
            await system.close()


async def _answer(system: System, *, prepare: bool) -> dict[str, Any]:
    """Ask one system whether it can be used, once what it lacks was made."""
    made: tuple[str, ...] = ()
    try:
        if prepare:
            made = await system.prepare()
        warnings = await system.check()
    except (SideError, RecordError) as error:
        about = {"ok": False, "warnings": [], "made": list(made)}
        return {**about, "error": error.message, "advice": error.advice}
    return {"ok": True, "warnings": list(warnings), "made": list(made)}


def _system(config: Config, unit: Unit, name: str) -> dict[str, Any]:
    """Say what is configured for one system."""
    from instep.config import unwritable

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
            "when": {field: sorted(map(str, words)) for field, words in made.when.items()},
            "set": dict(made.words),
        },
        "no_word_for": [f"{field} {word}" for at, field, word in unwritable(unit) if at == name],
    }


def _lines(data: dict[str, Any]) -> Iterator[str]:
    """Say it all in a few lines."""
    systems, answers = data["systems"], data["answers"]
    yield f"{data['config']} is right: {many(len(systems), 'system')}, " + many(
        len(data["fields"]), "field"
    )
    yield from columns([(name, *_told(system)) for name, system in systems.items()])
    yield ""
    for name, answer in answers.items():
        yield f"{name}: ok" if answer["ok"] else f"{name}: {answer['error']}"
        yield from (f"  made: {made}" for made in answer["made"])
        if answer["made"]:
            yield "  what was refused for want of that is sent again after: instep retry"
        yield from (f"  warning: {warning}" for warning in answer["warnings"])
        if answer.get("advice"):
            yield f"  {answer['advice']}"
    if not answers:
        yield "no system was asked"
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
        gets += " when " + " and ".join(f"{f} is {'/'.join(w)}" for f, w in made["when"].items())
    if not system["writable"]:
        gets = "is only heard"
    if system["no_word_for"]:
        gets += f"; has no word for {', '.join(system['no_word_for'])}"
    return system["type"], many(len(system["fields"]), "field"), gets
