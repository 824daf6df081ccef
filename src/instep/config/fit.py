"""Whether what is said of a field fits its type: policy, values, and the rule of each system."""

from __future__ import annotations

from collections.abc import Iterator

from instep.config.drafts import Draft
from instep.config.findings import Finding, Path, suggest
from instep.config.schema import FieldSpec, RuleSpec
from instep.core.fields import MANY, Decide, Kind, normal

_TEXTS = frozenset({Kind.LINE, Kind.TEXT})
#: Options that mean something only for some types.
OPTIONS = {
    "precision": frozenset({Kind.INSTANT}),
    "words": frozenset({Kind.CHOICE}) | MANY,
    "single": MANY,
    "tidy": _TEXTS,
    "min_length": _TEXTS,
    "max_length": _TEXTS,
}


def field_fits(path: Path, said: FieldSpec, draft: Draft) -> Iterator[Finding]:
    """Check one field; ``draft`` is what preset and file together say of it."""
    if draft.kind is None:
        hint = suggest("", [kind.value for kind in Kind])
        message = '"type" is missing: it is not a field of the preset'
        yield Finding("E106", message, (*path, "type"), hint)
        return
    yield from _policy(path, draft)
    yield from _values(path, draft)
    for system, rule in draft.rules.items():
        yield from _meanings(path, said, system, draft)
        yield from _default(path, said, system, draft)
        own = said.rules.get(system)
        if own is None:
            continue
        inside = (*path, system)
        if rule.path is None:
            hint = "the place in the service's record, such as fields.region"
            yield Finding("E106", '"path" is missing', (*inside, "path"), hint)
        yield from _options(inside, own, draft.kind)


def _policy(path: Path, draft: Draft) -> Iterator[Finding]:
    """Check that the field's type can be decided in this way."""
    decide, kind, inside = draft.policy.decide, draft.kind, (*path, "on_conflict")
    if decide is Decide.UNION and kind not in MANY:
        message = f'"union" joins sets; this field is a {kind}'
        yield Finding("E118", message, inside, "valid: newest, manual, {prefer: [system, ...]}")
    if decide not in (Decide.HIGHEST, Decide.LOWEST):
        return
    if kind is not Kind.CHOICE:
        message = f'"{decide}" needs an order; this field is a {kind}'
        yield Finding("E118", message, inside, "valid: newest, manual, {prefer: [system, ...]}")
    elif not draft.order:
        message = f'"values" is missing: "{decide}" needs their order'
        yield Finding("E106", message, (*path, "values"), "list them, highest first")


def _values(path: Path, draft: Draft) -> Iterator[Finding]:
    """Check the values of a choice, and which of them close an incident."""
    if draft.order and draft.kind is not Kind.CHOICE:
        message = f"only a choice has values; this field is a {draft.kind}"
        yield Finding("E119", message, (*path, "values"), "take them out, or write type: choice")
    for value in draft.closes:
        if value not in draft.order:
            hint = suggest(value, draft.order) or "list the values, highest first"
            yield Finding("E117", f'"{value}" is not among the values', (*path, "closes"), hint)


def _meanings(path: Path, said: FieldSpec, system: str, draft: Draft) -> Iterator[Finding]:
    """Check that own words stand for common words that the field has."""
    for own, means in (draft.rules[system].words or {}).items():
        inside = _where(path, said, system, "words", own)
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


def _default(path: Path, said: FieldSpec, system: str, draft: Draft) -> Iterator[Finding]:
    """Check that what a create sends where nothing was said is a word of that system."""
    rule, inside = draft.rules[system], _where(path, said, system, "default")
    if rule.default is None or draft.kind is None:
        return
    valid = tuple(rule.words) if rule.words is not None else draft.order
    if draft.kind is Kind.CHOICE and valid:
        if rule.default not in valid:
            message = f'the default "{rule.default}" is no word of "{system}"'
            yield Finding("E117", message, inside, suggest(rule.default, valid))
    elif not (draft.kind is Kind.INSTANT and rule.default == "opened"):
        yield from _readable(rule.default, draft.kind, inside)


def _where(path: Path, said: FieldSpec, system: str, option: str, *more: str) -> Path:
    """Find what in the file is to blame: the option, or what no longer fits the preset's."""
    own = said.rules.get(system)
    for key in (option, "words"):
        if own is not None and key in own.model_fields_set:
            return (*path, system, key, *(more if key == option else ()))
    return (*path, "values") if said.values else path


def _readable(word: object, kind: Kind, path: Path) -> Iterator[Finding]:
    """Check that a word can be read as a value of this type."""
    hint = '"opened", or a time such as 2026-02-03T09:12:00Z' if kind is Kind.INSTANT else ""
    try:
        normal(kind, word)
    except ValueError:
        yield Finding("E107", f'"{word}" is not a {kind}', path, hint)
