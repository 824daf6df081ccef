"""Whether what is said of one field in one system fits: its place, its options, its words."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from instep.config.drafts import Draft
from instep.config.findings import Finding, Path, suggest
from instep.config.mapping import FieldSpec, RuleSpec
from instep.config.places import place_fits
from instep.config.presets import preset
from instep.config.schema import DevRev, ProdManager, System
from instep.core.fields import MANY, Kind, normal
from instep.core.paths import way
from instep.core.rules import Direction
from instep.core.spelling import Precision
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
    yield from _aliases(path, said, name, draft)
    yield from _default(path, said, name, draft)
    if own is None or draft.kind is None:
        return
    inside = (*path, name)
    if rule.path is None:
        hint = "the place in the service's record, such as fields.region"
        yield Finding("E106", '"path" is missing', (*inside, "path"), hint)
    elif system is not None:
        yield from place_fits(rule.path, system.type, (*inside, "path"), writes=is_told(rule))
        yield from _keeps_mark(rule.path, system, (*inside, "path"), writes=is_told(rule))
        yield from _dates(inside, own, rule.path, system)
    yield from _options(inside, own, draft.kind)
    yield from _lengths(inside, own, rule)
    yield from _contradictions(inside, own, rule)
    yield from _idle(inside, own, draft, rule)
    yield from _const(inside, own, draft, name)
    yield from _template(inside, own, names)


def is_made(rule: RuleSpec) -> bool:
    """Whether the rule makes what it writes."""
    return rule.const is not None or rule.template is not None


def is_heard(rule: RuleSpec) -> bool:
    """Whether what the system says there counts."""
    return rule.direction is not Direction.OUT and not is_made(rule)


def is_told(rule: RuleSpec) -> bool:
    """Whether the rule writes to the system."""
    return rule.direction is not Direction.IN or is_made(rule)


def keeps_mark(place: str, system: System) -> bool:
    """Whether writing there would write over instep's mark; Datadog keeps it beside the rest."""
    return isinstance(system, DevRev) and way(place) == way(system.reference)


def _keeps_mark(place: str, system: System, path: Path, *, writes: bool) -> Iterator[Finding]:
    """Refuse a rule that writes over the mark."""
    if writes and keeps_mark(place, system):
        message = f'"{place}" is where instep keeps its mark ("reference")'
        yield Finding("E120", message, path, "take another place for one of them")


def _dates(path: Path, own: RuleSpec, place: str, system: System) -> Iterator[Finding]:
    """Check that a date of the service's own is said to be kept as the service keeps it."""
    known = preset(system.type)
    if place not in known.places.write:
        return
    finest = list(Precision)
    if own.precision and finest.index(own.precision) < finest.index(known.precision):
        message = f'"{place}" of a {system.type} is kept to the {known.precision}, and no finer'
        yield Finding("E120", message, (*path, "precision"), "take it out")
    if own.zone and not isinstance(system, ProdManager):
        message = f'"{place}" of a {system.type} has a zone of its own'
        hint = "take it out: it is for places that keep local digits"
        yield Finding("E120", message, (*path, "zone"), hint, on_key=True)


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
        if "" in (own, *means):
            yield Finding("E110", "an empty word", inside, "~ stands for nothing said")
        if not means and draft.kind in MANY:
            message = f'a name in a {draft.kind} always says something: "{own}"'
            yield Finding("E119", message, inside, f'leave "{own}" out of the words')


def _aliases(path: Path, said: FieldSpec, system: str, draft: Draft) -> Iterator[Finding]:
    """Check that people's aliases lead to addresses, and each to one."""
    words = draft.rules[system].words or {}
    known: dict[str, str] = {}
    for own, means in words.items() if draft.kind is Kind.PEOPLE else ():
        inside = where(path, said, system, "words", own)
        if (first := known.setdefault(own.casefold(), own)) != own:
            message = f'"{first}" and "{own}" are one address'
            yield Finding("E110", message, inside, "keep one of them", on_key=True)
        for name in means:
            if not is_address(name):
                hint = "own address: common address"
                yield Finding("E107", f'"{name}" is no e-mail address', inside, hint)


def is_address(name: object) -> bool:
    """Whether a name can be somebody's e-mail address."""
    return "@" in str(name)


def _options(path: Path, own: RuleSpec, kind: Kind) -> Iterator[Finding]:
    """Check that a rule says nothing that its field's type cannot mean."""
    for option, kinds in OPTIONS.items():
        if option in own.model_fields_set and kind not in kinds:
            fit = " or ".join(sorted(kinds))
            message = f'"{option}" is for {fit}; this field is a {kind}'
            yield Finding("E119", message, (*path, option), "take it out", on_key=True)


def _lengths(path: Path, own: RuleSpec, rule: RuleSpec) -> Iterator[Finding]:
    """Check that a text can be as long as it has to be, there or in the preset."""
    said = [key for key in ("max_length", "min_length") if key in own.model_fields_set]
    if said and 0 < rule.max_length < rule.min_length:
        message = "the longest is shorter than the shortest"
        hint = f"max_length is {rule.max_length}, min_length is {rule.min_length}"
        yield Finding("E112", message, (*path, said[0]), hint)


def _contradictions(path: Path, own: RuleSpec, rule: RuleSpec) -> Iterator[Finding]:
    """Check that the options of a rule go together."""
    pairs = [("const", "template"), ("single", "only_add")]
    if is_made(own):
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
    pair = {"single", "only_add"} & own.model_fields_set
    if len(pair) == 1 and rule.single and rule.only_add:
        (said,) = pair
        message = f'"{said}" contradicts the preset: a system that holds one name cannot add any'
        yield Finding("E120", message, (*path, said), "take it out", on_key=True)
    if "shorten" in own.model_fields_set and not rule.max_length:
        message = '"shorten" needs "max_length": there is no text that is too long'
        yield Finding("E120", message, (*path, "shorten"), "say how long it may be", on_key=True)


def _idle(path: Path, own: RuleSpec, draft: Draft, rule: RuleSpec) -> Iterator[Finding]:
    """Refuse keys of which nothing comes, or something else than a reader expects."""
    for option in ("words", "template"):
        if option in own.model_fields_set and getattr(own, option) is None:
            hint = "say something, or take the key out"
            yield Finding("E107", f'"{option}": nothing is said here', (*path, option), hint)
    if own.words == {}:
        hint = "own word: common word; or take the key out"
        yield Finding("E107", '"words" lists no words', (*path, "words"), hint)
    if "only_add" in own.model_fields_set and own.only_add and not is_told(rule):
        message = '"only_add" means nothing where the rule only reads'
        yield Finding("E120", message, (*path, "only_add"), "take it out", on_key=True)
    is_plain = rule.words is None and not draft.order
    if "otherwise" in own.model_fields_set and is_plain and draft.kind is Kind.CHOICE:
        message = '"otherwise" needs "words": without them every own word is a common one'
        yield Finding("E120", message, (*path, "otherwise"), "list the words", on_key=True)


def _const(path: Path, own: RuleSpec, draft: Draft, system: str) -> Iterator[Finding]:
    """Check that a constant says something, in a word of the system's."""
    if own.const is None or draft.kind is None:
        return
    inside, rule = (*path, "const"), draft.rules[system]
    yield from readable(own.const, draft.kind, inside)
    if own.const in ("", ()):
        yield Finding("E110", "this constant says nothing", inside, "name a word")
        return
    # The words of the preset are those of the preset's place.
    valid = () if "path" in own.model_fields_set else tuple(rule.words or draft.order)
    if draft.kind is Kind.CHOICE and valid and own.const not in valid:
        message = f'the constant "{own.const}" is no word of "{system}"'
        yield Finding("E117", message, inside, suggest(own.const, valid))


def _template(path: Path, own: RuleSpec, names: Names) -> Iterator[Finding]:
    """Check that a template can be read, and names what there is."""
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
    if draft.kind is Kind.CHOICE and valid and not isinstance(rule.default, tuple):
        if rule.default not in valid:
            message = f'the default "{rule.default}" is no word of "{system}"'
            yield Finding("E117", message, inside, suggest(rule.default, valid))
    elif not (draft.kind is Kind.INSTANT and rule.default == "opened"):
        yield from readable(rule.default, draft.kind, inside)


def where(path: Path, said: FieldSpec, system: str, option: str, *more: str) -> Path:
    """Find what in the file is to blame: the option, or what no longer fits the preset's."""
    own = said.rules.get(system)
    for key in (option, "words"):
        if own is not None and key in own.model_fields_set:
            return (*path, system, key, *(more if key == option else ()))
    return (*path, "values") if said.values else path


def readable(word: object, kind: Kind, path: Path) -> Iterator[Finding]:
    """Check that a word can be read as a value of this type."""
    if isinstance(word, tuple) and kind not in MANY:
        yield Finding("E107", f"a list of names; this field is a {kind}", path, "name one word")
        return
    hint = "a time such as 2026-02-03T09:12:00Z" if kind is Kind.INSTANT else ""
    if kind is Kind.INSTANT and path[-1] == "default":
        hint = f'"opened", or {hint}'
    try:
        normal(kind, word)
    except ValueError:
        an = "an" if kind is Kind.INSTANT else "a"
        yield Finding("E107", f'"{word}" is not {an} {kind}', path, hint)
