"""What no part of the file can know alone: references between its parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from instep.config.conditions import asked
from instep.config.creation import creates_fit, is_whole
from instep.config.drafts import Draft, drafts
from instep.config.findings import Finding, Path, suggest, unknown_system
from instep.config.fit import field_fits, flows
from instep.config.lint import lint
from instep.config.mapping import FieldSpec, Trial
from instep.config.places import place_fits
from instep.config.presets import usual
from instep.config.rule_fit import is_heard, template_names
from instep.config.schema import SITES, ByChange, Config, Datadog, DevRev, ProdManager, System
from instep.core.model import Word
from instep.core.paths import Steps, way
from instep.core.rules import Direction
from instep.core.template import parse
from instep.core.unit import OnGone

#: Keys of the file that are read and checked, and wait for the page and the pinging.
NOT_YET = ("listen", "page", "heartbeat")


def check(config: Config, names: Collection[str]) -> list[Finding]:
    """Check the parts against each other; ``names`` are all systems that the file names.

    A system of which something is wrong may be missing in ``config``, yet can be referred to.
    """
    found = [
        *_systems(config, names),
        *creates_fit(config, names),
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
    yield from _twins(config)
    yield from _closing(config)


def _twins(config: Config) -> Iterator[Finding]:
    """Refuse one service under two names: each incident would be copied within it."""
    known: dict[object, str] = {}
    for name, system in config.systems.items():
        first = known.setdefault(_identity(system), name)
        if first != name:
            message = f'"{first}" and "{name}" are one and the same {system.type}'
            yield Finding("E120", message, ("systems", name), "name each service once", on_key=True)


def _identity(system: System) -> object:
    """Tell services apart: by their address, and where many share one by who is let in."""
    if isinstance(system, ProdManager):
        return system.type, system.url
    return system.type, system.url or getattr(system, "site", None), *system.secrets()


def _closing(config: Config) -> Iterator[Finding]:
    """Check that there is a way to close what is to be closed."""
    can = any(draft.closes for draft in drafts(config).values())
    for name, system in config.systems.items():
        if system.on_gone is OnGone.CLOSE and not can:
            message = 'no field has "closes": there is no way to close an incident'
            path = ("systems", name, "on_gone")
            yield Finding("E120", message, path, "map a status, or write on_gone: keep")


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


def _fields(config: Config, names: Collection[str]) -> Iterator[Finding]:
    """Check every field that the file speaks of, and who is preferred in a conflict."""
    known = drafts(config)
    usable = template_names(known, names)
    for name, said in config.fields.items():
        path = ("fields", name)
        if said is None:
            if name not in usual():
                message = f'there is no field "{name}" to take out'
                yield Finding("E116", message, path, suggest(name, usual()), on_key=True)
            continue
        yield from field_fits(path, said, known[name], config.systems, usable)
        yield from _preferred(path, said, known[name], config.systems, names)
    if is_whole(config, names):
        yield from _flows(config, known)
    yield from _shared_paths(config)


def _preferred(
    path: Path, said: FieldSpec, draft: Draft, read: Collection[str], names: Collection[str]
) -> Iterator[Finding]:
    """Check that those are systems, and say the field, whose word counts in a conflict."""
    for i, system in enumerate(said.on_conflict.systems if said.on_conflict else ()):
        inside, rule = (*path, "on_conflict", "prefer", i), draft.rules.get(system)
        if system not in names:
            yield unknown_system(system, inside, names)
        elif system in read and (rule is None or not is_heard(rule)):
            heard = [name for name, rule in draft.rules.items() if is_heard(rule)]
            message = f'"{system}" does not say "{path[-1]}": its word cannot count'
            yield Finding("E120", message, inside, suggest(system, heard))


def _flows(config: Config, known: Mapping[str, Draft]) -> Iterator[Finding]:
    """Check that every field of the file comes from somewhere and goes somewhere."""
    said = {name for name, draft in known.items() if any(map(is_heard, draft.rules.values()))}
    named = {
        (name, system): _named(rule.template or "")
        for name, field in config.fields.items()
        for system, rule in (field.rules if field else {}).items()
        if rule is not None
    }
    for (field, system), found in named.items():
        for name in found:
            if name in known and name not in said:
                message = f'the template names "{name}", which no system says'
                path = ("fields", field, system, "template")
                yield Finding("E121", message, path, "name a field that is heard somewhere")
    creates = config.create.values()
    used = {name for each in creates for name, _ in asked(each.when, ())}
    used.update(*named.values())
    for name in config.fields:
        if name in known and known[name].kind is not None:
            yield from flows(("fields", name), known[name], is_used=name in used)


def _named(template: str) -> tuple[str, ...]:
    """Give the names in a template; in one that cannot be read there are none."""
    try:
        return tuple(parse(template).names)
    except ValueError:
        return ()


def _shared_paths(config: Config) -> Iterator[Finding]:
    """Refuse two fields at one place of which one is written.

    Each would undo the other for ever, or what is written would be heard for what was said.
    """
    taken: dict[tuple[str, Steps], str] = {}
    known = [(n, s, r) for n, d in drafts(config).items() for s, r in d.rules.items()]
    for name, system, rule in sorted(known, key=lambda one: one[2].direction is Direction.IN):
        if rule.path is not None:
            place, is_read = (system, way(rule.path)), rule.direction is Direction.IN
            other = taken.get(place, name) if is_read else taken.setdefault(place, name)
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
        yield from _edits(trial, trial.given[given], (*path, "edited"))
        for name, words in trial.sent.items():
            inside = (*path, "sent", name)
            if name == given:
                message = f'"{name}" is not sent what it said itself'
                yield Finding("E120", message, inside, "name the others", on_key=True)
            else:
                yield from _trial(config, names, name, words or {}, inside)


def _edits(trial: Trial, given: Mapping[str, Word], path: Path) -> Iterator[Finding]:
    """Check that an edit changes something: of none, nothing would be sent whatever is mapped."""
    if trial.edited and all(given.get(place) == word for place, word in trial.edited.items()):
        hint = "say something else, or take it out: the record is new then"
        yield Finding("E120", "this edit changes nothing", path, hint)


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
            yield unknown_system(name, path, names, on_key=True)
        return
    for place in words if name in config.systems else ():
        service, inside = config.systems[name].type, (*path, place)
        yield from place_fits(place, service, inside, writes=False, on_key=True)
