"""Creation: whether what the file says of new records fits, and can ever be met."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from instep.config.conditions import asked, conditions_fit, never
from instep.config.drafts import drafts
from instep.config.findings import Finding, Path, unknown_system
from instep.config.mapping import Create
from instep.config.places import place_fits
from instep.config.rule_fit import is_heard, is_made, keeps_mark, readable
from instep.config.schema import Config, ProdManager, System
from instep.core.paths import way

#: What ProdManager wants to know of every new record and no other system says.
PRODMANAGER_SET = ("scope", "service")


def creates_fit(config: Config, names: Collection[str]) -> Iterator[Finding]:
    """Check which systems are given incidents, from where, and when."""
    for name, create in config.create.items():
        path = ("create", name)
        if name not in names:
            yield unknown_system(name, path, names, on_key=True)
            continue
        yield from _origins(name, create, names)
        yield from _when(config, name, create, (*path, "when"), names)
        system = config.systems.get(name)
        if system is not None and not system.writable:
            message = f'"{name}" is not writable: no record is made in it'
            yield Finding("W203", message, path, "take this out, or writable: false", on_key=True)
        if system is not None:
            yield from _set_fits(create, system, (*path, "set"))
            yield from _set_reads(config, name, create, (*path, "set"))


def _when(
    config: Config, name: str, create: Create, path: Path, names: Collection[str]
) -> Iterator[Finding]:
    """Check a condition: what it asks for, and that an incident can meet it."""
    known = drafts(config)
    found = [*conditions_fit(create.when, path, known)]
    yield from found
    if not found and never(create.when, known):
        hint = "any joins conditions of which one will do"
        yield Finding("E120", "no incident can meet this condition", path, hint)
    for field, inside in asked(create.when, path) if is_whole(config, names) else ():
        rules = known[field].rules if field in known else {}
        others = [rule for system, rule in rules.items() if system != name]
        if field in known and not any(is_heard(rule) for rule in others):
            message = f'no system but "{name}" can say "{field}"'
            hint = "give it a rule in a system that incidents begin in"
            yield Finding("E120", message, inside, hint, on_key=True)


def is_whole(config: Config, names: Collection[str]) -> bool:
    """Whether all systems could be read, and there are some to speak to each other."""
    return len(config.systems) == len(names) > 1


def _set_reads(config: Config, name: str, create: Create, path: Path) -> Iterator[Finding]:
    """Check the words that new records get against the fields that stand there."""
    known = {way(d.rules[name].path or ""): d for d in drafts(config).values() if name in d.rules}
    for place, word in create.set.items():
        draft = known.get(way(place))
        if draft is None or draft.kind is None:
            continue
        yield from readable(word, draft.kind, (*path, place))
        if is_made(draft.rules[name]):
            message = f'"{place}" is told what its rule makes (const, template)'
            yield Finding("E120", message, (*path, place), "keep one of them", on_key=True)


def _set_fits(create: Create, system: System, path: Path) -> Iterator[Finding]:
    """Check the places that new records get words in, and that none is missing."""
    for place in create.set:
        yield from place_fits(place, system.type, (*path, place), writes=True, on_key=True)
        if keeps_mark(place, system):
            message = f'"{place}" is where instep keeps its mark ("reference")'
            yield Finding("E120", message, (*path, place), "take it out", on_key=True)
    for key in PRODMANAGER_SET if isinstance(system, ProdManager) else ():
        if create.set.get(key) is None:
            inside = (*path, key) if create.set else path
            hint = "ProdManager needs set: {scope: ..., service: ...}"
            yield Finding("E106", f'"set.{key}" is missing', inside, hint)


def _origins(name: str, create: Create, names: Collection[str]) -> Iterator[Finding]:
    """Check the systems whose incidents are given on."""
    if "origins" in create.model_fields_set and create.origins is None:
        hint = "name systems, or take the key out: it is all the others then"
        yield Finding("E107", '"from": nothing is said here', ("create", name, "from"), hint)
    for i, origin in enumerate(create.origins or ()):
        path: Path = ("create", name, "from", i)
        if origin == name:
            message = f'"{name}" cannot be given its own incidents'
            yield Finding("E120", message, path, "name the others")
        elif origin not in names:
            yield unknown_system(origin, path, [other for other in names if other != name])
