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
from instep.errors import SideError

if TYPE_CHECKING:
    from instep.config import Config
    from instep.core.unit import Unit
    from instep.systems.base import System

Answers = dict[str, dict[str, Any]]


@command("check")
@click.option("--offline", is_flag=True, help="Look at the configuration only; ask no system.")
def check(call: Call, *, offline: bool) -> int:
    """Check the configuration, and ask each system whether it can be used. Nothing is written."""
    from instep.config import unit_of

    config = call.load()
    unit = unit_of(config)
    answers = asyncio.run(_ask(config, offline=offline))
    code = 0 if all(answer["ok"] for answer in answers.values()) else 3
    place = str(call.place())
    data: dict[str, Any] = {
        "config": place,
        "warnings": [asdict(problem) for problem in config.warnings],
        "fields": {name: field.kind.value for name, field in unit.fields.items()},
        "systems": {name: _system(config, unit, name) for name in config.systems},
        "answers": answers,
    }
    if call.json:
        return emit(data, code)
    for problem in config.warnings:
        click.echo(render_problem(problem, place) + "\n")
    emit_lines(_lines(data))
    return code


async def _ask(config: Config, *, offline: bool) -> Answers:
    """Ask every system at once; offline, only make sure that it could be asked."""
    from instep.app import connect

    systems = connect(config, {})
    try:
        if offline:
            return {}
        answers = await asyncio.gather(*map(_answer, systems.values()))
        return dict(zip(systems, answers, strict=True))
    finally:
        for system in systems.values():
            await system.close()


async def _answer(system: System) -> dict[str, Any]:
    """Ask one system whether it can be used."""
    try:
        warnings = await system.check()
    except SideError as error:
        return {"ok": False, "warnings": [], "error": error.message, "advice": error.advice}
    return {"ok": True, "warnings": list(warnings)}


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
        yield from (f"  warning: {warning}" for warning in answer["warnings"])
        if answer.get("advice"):
            yield f"  {answer['advice']}"
    if not answers:
        yield "no system was asked"


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
