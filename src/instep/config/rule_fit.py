"""Whether what is said of one field in one system fits: its place, its options, its words."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from instep.config.drafts import Draft
from instep.config.findings import Finding, Path, suggest
from instep.config.mapping import FieldSpec, RuleSpec
from instep.config.places import place_fits
from instep.config.schema import System
from instep.core.fields import MANY, Kind, normal
from instep.core.rules import Direction
from instep.core.template import PARTS, parse

#: Names that a template can use.
Names = Collection[str]

_TEXTS = frozenset({Kind.LINE, Kind.TEXT})
#: Options that mean something only for some types.
OPTIONS = {
    "precision": frozenset({Kind.INSTANT}),
    "zone": frozenset({Kind.INSTANT}),
    "words": frozenset({Kind.CHOICE}) | MANY,
    "loses": frozenset({Kind.CHOICE}) | MANY,
    "otherwise": frozenset({Kind.CHOICE}),
    "template": _TEXTS | {Kind.LINK},
    "single": MANY,
    "only_add": MANY,
    "tidy": _TEXTS,
    "strip": _TEXTS,
    "min_length": _TEXTS,
    "max_length": _TEXTS,
    "shorten": _TEXTS,
}
#: What means nothing in a rule that makes what it writes.
_NOT_MADE = ("words", "otherwise", "loses", "default", "direction")


def rule_fits(
    path: Path, said: FieldSpec, name: str, system: System | None, draft: Draft, names: Names
) -> Iterator[Finding]:
    """Check the rule of one system, named ``name``; ``names`` are those that templates can use."""
    rule, own = draft.rules[name], said.rules.get(name)
    yield from _meanings(path, said, name, draft)
    yield from _default(path, said, name, draft)
    if own is None or draft.kind is None:
        return
    inside = (*path, name)
    if rule.path is None:
        hint = "the place in the service's record, such as fields.region"
        yield Finding("E106", '"path" is missing', (*inside, "path"), hint)
    elif system is not None:
        writes = rule.direction is not Direction.IN or _is_made(rule)
        yield from place_fits(rule.path, system.type, (*inside, "path"), writes=writes)
    yield from _options(inside, own, draft.kind)
    yield from _contradictions(inside, own, rule)
    yield from _made(inside, own, draft, names)


def _is_made(rule: RuleSpec) -> bool:
    """Whether the rule makes what it writes."""
    return rule.const is not None or rule.template is not None


def _meanings(path: Path, said: FieldSpec, system: str, draft: Draft) -> Iterator[Finding]:
    """Check that own words stand for common words that the field has."""
    rule = draft.rules[system]
    entries = [
        (own, means, where(path, said, system, "words", own))
        for own, means in (rule.words or {}).items()
    ]
    if rule.otherwise is not None:
        entries.append(("otherwise", rule.otherwise, where(path, said, system, "otherwise")))
    for own, means, inside in entries:
        for word in means:
            if draft.order and word not in draft.order:
                message = f'"{own}" of "{system}" means "{word}", which is not among the values'
                yield Finding("E117", message, inside, suggest(word, draft.order))
        if not means and draft.kind in MANY:
            message = f'a name in a {draft.kind} always says something: "{own}"'
            yield Finding("E119", message, inside, f'leave "{own}" out of the words')


def _options(path: Path, own: RuleSpec, kind: Kind) -> Iterator[Finding]:
    """Check that a rule says nothing that its field's type cannot mean."""
    for option, kinds in OPTIONS.items():
        if option in own.model_fields_set and kind not in kinds:
            fit = " or ".join(sorted(kinds))
            message = f'"{option}" is for {fit}; this field is a {kind}'
            yield Finding("E119", message, (*path, option), "take it out", on_key=True)
    if 0 < own.max_length < own.min_length:
        message = "the longest is shorter than the shortest"
        yield Finding("E112", message, (*path, "max_length"), f"at least {own.min_length}")


def _contradictions(path: Path, own: RuleSpec, rule: RuleSpec) -> Iterator[Finding]:
    """Check that the options of a rule go together."""
    pairs = [("const", "template"), ("single", "only_add")]
    if _is_made(own):
        made = "const" if own.const is not None else "template"
        pairs += [(made, option) for option in _NOT_MADE]
    for one, other in pairs:
        if {one, other} <= own.model_fields_set:
            if other == "direction" and own.direction is Direction.OUT:
                continue
            if getattr(own, other) is False:
                continue
            message = f'"{other}" means nothing beside "{one}"'
            yield Finding("E120", message, (*path, other), "keep one of them", on_key=True)
    if "shorten" in own.model_fields_set and not rule.max_length:
        message = '"shorten" needs "max_length": there is no text that is too long'
        yield Finding("E120", message, (*path, "shorten"), "say how long it may be", on_key=True)


def _made(path: Path, own: RuleSpec, draft: Draft, names: Names) -> Iterator[Finding]:
    """Check what a rule makes: a word of its field's type, or a template that can be read."""
    if own.const is not None and draft.kind is not None:
        yield from _readable(own.const, draft.kind, (*path, "const"))
        if own.const in ("", ()):
            yield Finding("E110", "this constant says nothing", (*path, "const"), "name a word")
    if own.template is None:
        return
    inside = (*path, "template")
    try:
        found = parse(own.template)
    except ValueError as error:
        hint = "such as {title} or {datadog.url}"
        yield Finding("E121", f"this template cannot be read: {error}", inside, hint)
        return
    for name in found.names:
        if name not in names:
            message = f'the template names "{name}", which is no field and no part of a record'
            yield Finding("E121", message, inside, suggest(name, names))


def template_names(fields: Collection[str], systems: Collection[str]) -> tuple[str, ...]:
    """Give every name that a template can use."""
    return (*fields, *(f"{system}.{part}" for system in systems for part in PARTS))


def _default(path: Path, said: FieldSpec, system: str, draft: Draft) -> Iterator[Finding]:
    """Check that what a create sends where nothing was said is a word of that system."""
    rule, inside = draft.rules[system], where(path, said, system, "default")
    if rule.default is None or draft.kind is None:
        return
    valid = tuple(rule.words) if rule.words is not None else draft.order
    if draft.kind is Kind.CHOICE and valid:
        if rule.default not in valid:
            message = f'the default "{rule.default}" is no word of "{system}"'
            yield Finding("E117", message, inside, suggest(rule.default, valid))
    elif not (draft.kind is Kind.INSTANT and rule.default == "opened"):
        yield from _readable(rule.default, draft.kind, inside)


def where(path: Path, said: FieldSpec, system: str, option: str, *more: str) -> Path:
    """Find what in the file is to blame: the option, or what no longer fits the preset's."""
    own = said.rules.get(system)
    for key in (option, "words"):
        if own is not None and key in own.model_fields_set:
            return (*path, system, key, *(more if key == option else ()))
    return (*path, "values") if said.values else path


def _readable(word: object, kind: Kind, path: Path) -> Iterator[Finding]:
    """Check that a word can be read as a value of this type."""
    hint = "a time such as 2026-02-03T09:12:00Z" if kind is Kind.INSTANT else ""
    if kind is Kind.INSTANT and path[-1] == "default":
        hint = f'"opened", or {hint}'
    try:
        normal(kind, word)
    except ValueError:
        an = "an" if kind is Kind.INSTANT else "a"
        yield Finding("E107", f'"{word}" is not {an} {kind}', path, hint)
