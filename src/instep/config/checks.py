"""What no part of the file can know alone: references between its parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from instep.config.conditions import conditions_fit
from instep.config.drafts import drafts
from instep.config.findings import Finding, Path, suggest
from instep.config.fit import field_fits
from instep.config.lint import lint
from instep.config.mapping import Create
from instep.config.places import place_fits
from instep.config.rule_fit import template_names
from instep.config.schema import SITES, ByChange, Config, Datadog, DevRev, ProdManager, System
from instep.core.model import Word
from instep.core.paths import Steps, way
from instep.core.rules import Direction

#: What ProdManager wants to know of every new record and no other system says.
PRODMANAGER_SET = ("scope", "service")

#: Keys of the file that are read and checked, and wait for the page and the pinging.
NOT_YET = ("listen", "page", "heartbeat")


def check(config: Config, names: Collection[str]) -> list[Finding]:
    """Check the parts against each other; ``names`` are all systems that the file names.

    A system of which something is wrong may be missing in ``config``, yet can be referred to.
    """
    found = [
        *_systems(config, names),
        *_creates(config, names),
        *_fields(config, names),
        *_trials(config, names),
        *_not_yet(config),
    ]
    # Only of what is right otherwise can be said what goes through it.
    is_right = not any(finding.code.startswith("E") for finding in found)
    return [*found, *(lint(config) if is_right else ())]


def _not_yet(config: Config) -> Iterator[Finding]:
    """Say which keys nothing acts on yet, so that nobody relies on them."""
    for key in NOT_YET:
        if key in config.model_fields_set:
            message = f'nothing acts on "{key}" yet'
            yield Finding("W204", message, (key,), "it is checked and then left alone", on_key=True)


def _systems(config: Config, names: Collection[str]) -> Iterator[Finding]:
    """Check that there is something to keep in step, and where the Datadogs are."""
    if not names:
        yield Finding("E106", "no system is named", ("systems",), "name at least two")
    if len(names) == 1:
        message = "only one system: there is nothing to keep in step"
        yield Finding("W202", message, ("systems",), "name another")
    for name, system in config.systems.items():
        if isinstance(system, Datadog):
            yield from _datadog(name, system)
        if isinstance(system, DevRev):
            yield from _devrev(name, system)


def _devrev(name: str, system: DevRev) -> Iterator[Finding]:
    """Check that what groups a DevRev's incidents is used."""
    if system.poll.by != "group" and system.poll.group_by != ByChange().group_by:
        path = ("systems", name, "poll", "group_by")
        message = '"group_by" means nothing without "by: group"'
        yield Finding("E120", message, path, "write by: group beside it", on_key=True)


def _datadog(name: str, system: Datadog) -> Iterator[Finding]:
    """Check that a Datadog can be found, and how it is let in."""
    missing = [key for key in ("api_key", "app_key") if getattr(system, key) is None]
    for key in missing if system.bearer is None else ():
        hint = "Datadog takes api_key and app_key, or bearer"
        yield Finding("E106", f'"{key}" is missing', ("systems", name, key), hint)
    if system.bearer is not None and len(missing) < 2:
        message = '"bearer" stands beside keys, which are not used then'
        yield Finding("E120", message, ("systems", name, "bearer"), "keep the keys or bearer")
    if not system.url:
        path = ("systems", name, "site")
        if system.site is None:
            hint = "the site of your organisation, such as datadoghq.com or datadoghq.eu"
            yield Finding("E106", '"site" is missing', path, hint)
        elif system.site not in SITES:
            hint = suggest(system.site, SITES)
            yield Finding("E110", f'"{system.site}" is not a site of Datadog', path, hint)


def _creates(config: Config, names: Collection[str]) -> Iterator[Finding]:
    """Check which systems are given incidents, from where, and when."""
    for name, create in config.create.items():
        path = ("create", name)
        if name not in names:
            yield _unknown_system(name, path, names, on_key=True)
            continue
        yield from _origins(name, create, names)
        yield from conditions_fit(create.when, (*path, "when"), drafts(config))
        system = config.systems.get(name)
        if system is not None and not system.writable:
            message = f'"{name}" is not writable: no record is made in it'
            yield Finding("W203", message, path, "take this out, or writable: false", on_key=True)
        if system is not None:
            yield from _set_fits(create, system, (*path, "set"))


def _set_fits(create: Create, system: System, path: Path) -> Iterator[Finding]:
    """Check the places that new records get words in, and that none is missing."""
    for place in create.set:
        yield from place_fits(place, system.type, (*path, place), writes=True, on_key=True)
    for key in PRODMANAGER_SET if isinstance(system, ProdManager) else ():
        if create.set.get(key) is None:
            inside = (*path, key) if create.set else path
            hint = "ProdManager needs set: {scope: ..., service: ...}"
            yield Finding("E106", f'"set.{key}" is missing', inside, hint)


def _origins(name: str, create: Create, names: Collection[str]) -> Iterator[Finding]:
    """Check the systems whose incidents are given on."""
    for i, origin in enumerate(create.origins or ()):
        path: Path = ("create", name, "from", i)
        if origin == name:
            message = f'"{name}" cannot be given its own incidents'
            yield Finding("E120", message, path, "name the others")
        elif origin not in names:
            yield _unknown_system(origin, path, [other for other in names if other != name])


def _fields(config: Config, names: Collection[str]) -> Iterator[Finding]:
    """Check every field that the file speaks of, and who is preferred in a conflict."""
    known = drafts(config)
    usable = template_names(known, names)
    for name, said in config.fields.items():
        path = ("fields", name)
        if said is None:
            continue
        yield from field_fits(path, said, known[name], config.systems, usable)
        for i, system in enumerate(said.on_conflict.systems if said.on_conflict else ()):
            if system not in names:
                inside = (*path, "on_conflict", "prefer", i)
                yield _unknown_system(system, inside, names)
    yield from _shared_paths(config)


def _shared_paths(config: Config) -> Iterator[Finding]:
    """Refuse two fields that are written to one place: each would undo the other for ever."""
    taken: dict[tuple[str, Steps], str] = {}
    for name, draft in drafts(config).items():
        for system, rule in draft.rules.items():
            if rule.path is None or rule.direction is Direction.IN:
                continue
            other = taken.setdefault((system, way(rule.path)), name)
            if other == name:
                continue
            where = name if name in config.fields else other
            message = f'"{other}" and "{name}" stand at one place of "{system}": {rule.path}'
            hint = f'write "{system}: off" in the field that does not belong there'
            yield Finding("E120", message, ("fields", where, system, "path"), hint)


def _trials(config: Config, names: Collection[str]) -> Iterator[Finding]:
    """Check that the tests of the mapping speak of systems and places that there are."""
    for i, trial in enumerate(config.tests):
        path: Path = ("tests", i)
        (given,) = trial.given
        yield from _trial(config, names, given, trial.given[given], (*path, "given", given))
        yield from _trial(config, names, given, trial.edited, (*path, "edited"), is_within=True)
        for name, words in trial.sent.items():
            inside = (*path, "sent", name)
            if name == given:
                message = f'"{name}" is not sent what it said itself'
                yield Finding("E120", message, inside, "name the others", on_key=True)
            else:
                yield from _trial(config, names, name, words or {}, inside)


def _trial(
    config: Config,
    names: Collection[str],
    name: str,
    words: Mapping[str, Word],
    path: Path,
    *,
    is_within: bool = False,
) -> Iterator[Finding]:
    """Check the places that a test names in the records of one system."""
    if name not in names:
        if not is_within:
            yield _unknown_system(name, path, names, on_key=True)
        return
    for place in words if name in config.systems else ():
        service, inside = config.systems[name].type, (*path, place)
        yield from place_fits(place, service, inside, writes=False, on_key=True)


def _unknown_system(
    name: str, path: Path, names: Collection[str], *, on_key: bool = False
) -> Finding:
    """Say that a name is no system's."""
    return Finding("E115", f'unknown system "{name}"', path, suggest(name, names), on_key=on_key)
