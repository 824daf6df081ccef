"""From a configuration to the unit that the core decides with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from instep.config.conditions import condition
from instep.config.drafts import Draft, drafts
from instep.config.mapping import Create, RuleSpec
from instep.config.presets import preset
from instep.config.schema import Config, ProdManager, System
from instep.core.fields import Field, Kind
from instep.core.losses import Loss, losses
from instep.core.model import Word
from instep.core.rules import Direction, Rule, WordTable
from instep.core.spelling import Spelling
from instep.core.template import parse
from instep.core.unit import Creation, Limits, Member, Unit


def unit_of(config: Config) -> Unit:
    """Build the unit that a configuration describes; its members know no abilities yet."""
    drawn = drafts(config)
    known = {name: (_field(name, draft), draft) for name, draft in drawn.items()}
    fields = {name: field for name, (field, _) in known.items()}
    closes = {name: frozenset[Word](draft.closes) for name, (_, draft) in known.items()}
    members = {
        name: Member(
            name=name,
            rules=MappingProxyType(_rules(name, system, known)),
            creation=_creation(config, name, drawn),
            writable=system.writable,
            on_gone=system.on_gone,
            limits=_limits(config, system),
        )
        for name, system in config.systems.items()
    }
    return Unit(
        name="default",
        fields=MappingProxyType(fields),
        members=MappingProxyType(members),
        limits=Limits(**config.limits.model_dump()),
        closes=MappingProxyType({name: values for name, values in closes.items() if values}),
    )


def _limits(config: Config, system: System) -> Limits | None:
    """Give the limits of one system, where some are its own."""
    own = system.limits.model_dump(exclude_none=True)
    return Limits(**{**config.limits.model_dump(), **own}) if own else None


def unwritable(unit: Unit) -> tuple[tuple[str, str, str], ...]:
    """Name what can never be written: system, field and common word without an own word."""
    return tuple(
        (member.name, name, word)
        for member in unit.members.values()
        for name, rule in member.rules.items()
        if member.writes(name)
        for word in _values(unit, name)
        if rule.put(word) is None
    )


def losses_of(unit: Unit, system: str, name: str) -> tuple[Loss, ...]:
    """Name the words of one rule that cannot come back."""
    values = unit.fields[name].order or _named(unit, name)
    return tuple(losses(unit.members[system].rules[name], values))


def _values(unit: Unit, name: str) -> tuple[str, ...]:
    """Name the values of a choice: its order, or every common word that a table knows."""
    field = unit.fields[name]
    if field.order or field.kind is not Kind.CHOICE:
        return field.order
    return _named(unit, name)


def _named(unit: Unit, name: str) -> tuple[str, ...]:
    """Name every common word of a field that a table knows."""
    rules = [member.rules[name] for member in unit.members.values() if name in member.rules]
    words = (word for rule in rules for means in (rule.words or {}).values() for word in means)
    return tuple(dict.fromkeys(words))


def _field(name: str, draft: Draft) -> Field:
    """Make a field of its draft; a draft that was checked has a type."""
    return Field(name, draft.kind or Kind.LINE, draft.policy, draft.order)


def _rules(name: str, system: System, known: Mapping[str, tuple[Field, Draft]]) -> dict[str, Rule]:
    """Make the rules of one system, in the order of the fields."""
    return {
        field.name: _rule(field, draft.rules[name], system)
        for field, draft in known.values()
        if name in draft.rules
    }


def _rule(field: Field, spec: RuleSpec, system: System) -> Rule:
    """Make one rule; what it makes itself goes one way, in own words."""
    is_made = spec.const is not None or spec.template is not None
    return Rule(
        field=field,
        path=spec.path or "",
        direction=Direction.OUT if is_made else spec.direction,
        words=None if is_made else _words(field, spec),
        spelling=_spelling(field, spec, system),
        default=spec.default,
        otherwise=spec.otherwise,
        const=spec.const,
        template=None if spec.template is None else parse(spec.template),
    )


def _words(field: Field, spec: RuleSpec) -> WordTable | None:
    """Make the word table; an ordered choice without one takes its own values and no others.

    A word outside the order could be neither compared nor written, so it must stay mute.
    """
    if spec.words is None:
        identity = {value: (value,) for value in field.order}
        return MappingProxyType(identity) if identity else None
    if field.kind is Kind.PEOPLE:
        people = {own.casefold(): means for own, means in spec.words.items()}
        return MappingProxyType(
            {own: tuple(name.casefold() for name in means) for own, means in people.items()}
        )
    return MappingProxyType(dict(spec.words))


def _spelling(field: Field, spec: RuleSpec, system: System) -> Spelling:
    """Say how the system rewrites what it is sent; instants as its service keeps them."""
    if field.kind is Kind.INSTANT:
        precision = spec.precision or preset(system.type).precision
        zone = system.timezone if isinstance(system, ProdManager) else ""
        return Spelling(precision=precision, zone=spec.zone or zone)
    return Spelling(
        tidy=spec.tidy,
        strip=spec.strip,
        min_length=spec.min_length,
        max_length=spec.max_length,
        shorten=spec.shorten,
        single=spec.single,
        only_add=spec.only_add,
    )


def _creation(config: Config, name: str, known: Mapping[str, Draft]) -> Creation | None:
    """Say which incidents a system is given; without an entry, none."""
    create: Create | None = config.create.get(name)
    if create is None:
        return None
    others = (other for other in config.systems if other != name)
    return Creation(
        origins=frozenset(others if create.origins is None else create.origins),
        when=condition(create.when, known),
        words=MappingProxyType(dict(create.set)),
        holds_alike=create.alike == "hold",
    )
