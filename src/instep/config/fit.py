"""Whether what is said of a field fits its type: policy, values, and the rule of each system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from instep.config.drafts import Draft
from instep.config.findings import Finding, Path, closest, suggest
from instep.config.mapping import FieldSpec
from instep.config.presets import usual
from instep.config.rule_fit import Names, is_heard, is_made, is_told, rule_fits
from instep.config.schema import System
from instep.core.fields import MANY, Decide, Kind


def field_fits(
    path: Path, said: FieldSpec, draft: Draft, systems: Mapping[str, System], names: Names
) -> Iterator[Finding]:
    """Check one field; ``draft`` is what preset and file together say of it.

    ``names`` are those that a template can use.
    """
    if draft.kind is None:
        hint = suggest("", [kind.value for kind in Kind])
        if near := closest(str(path[-1]), usual()):
            hint = f'did you mean "{near}"? a field of your own needs a type; {hint}'
        message = '"type" is missing: it is not a field of the preset'
        yield Finding("E106", message, (*path, "type"), hint)
        return
    yield from _policy(path, draft)
    yield from _values(path, draft)
    for system in draft.rules:
        yield from rule_fits(path, said, system, systems.get(system), draft, names)


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


def flows(path: Path, draft: Draft, *, is_used: bool) -> Iterator[Finding]:
    """Say where nothing comes of a field: nobody says it, or nobody is told.

    ``is_used``: a condition or a template asks for it.
    """
    heard = {system for system, rule in draft.rules.items() if is_heard(rule)}
    told = {system for system, rule in draft.rules.items() if is_told(rule)}
    if any(is_made(rule) for rule in draft.rules.values()) or (heard and is_used):
        return
    message = f'nothing comes of "{path[-1]}": '
    if not draft.rules:
        yield Finding("W206", message + "no system has a rule for it", path, "give two systems one")
    elif not heard:
        hint = 'take "direction: out" out of one rule'
        yield Finding("W206", message + "all its rules only write", path, hint)
    elif all(heard == {system} for system in told):
        hint = "give another system a rule that writes it, or take the field out with off"
        yield Finding("W206", message + "what is said is written nowhere", path, hint)
