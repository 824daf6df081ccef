"""Drafts: what preset and file together say of each field, before it is known to fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from instep.config.mapping import FieldSpec, RuleSpec
from instep.config.presets import preset, usual
from instep.config.schema import Config
from instep.core.fields import Kind, Policy


@dataclass(frozen=True, slots=True)
class Draft:
    """One field: its type (``None`` if nobody gave one) and, by system, its rules."""

    kind: Kind | None
    policy: Policy
    order: tuple[str, ...]
    closes: tuple[str, ...]
    rules: Mapping[str, RuleSpec]


def drafts(config: Config) -> dict[str, Draft]:
    """Lay the file's fields over the preset's; fields that are switched off are left out."""
    names = [*usual(), *(name for name in config.fields if name not in usual())]
    said = {name: config.fields.get(name, FieldSpec()) for name in names}
    return {name: _draft(config, name, spec) for name, spec in said.items() if spec is not None}


def _draft(config: Config, name: str, said: FieldSpec) -> Draft:
    """Lay one field of the file over the preset's field of that name.

    A field that is given another type is another field: nothing of the preset fits it.
    """
    base = usual().get(name, FieldSpec())
    if said.type not in (None, base.type):
        base = FieldSpec()
    shipped = name if base.type else None
    found = {system: _rule(config, said, system, shipped) for system in config.systems}
    return Draft(
        kind=said.type or base.type,
        policy=said.on_conflict or base.on_conflict or Policy(),
        order=said.values if "values" in said.model_fields_set else base.values,
        closes=said.closes if "closes" in said.model_fields_set else base.closes,
        rules={system: rule for system, rule in found.items() if rule is not None},
    )


def _rule(config: Config, said: FieldSpec, system: str, shipped: str | None) -> RuleSpec | None:
    """Lay the file's rule over that of the ``shipped`` field, key by key; ``None`` if none."""
    own = said.rules.get(system)
    if system in said.rules and own is None:
        return None
    base = preset(config.systems[system].type).rules.get(shipped) if shipped else None
    if base is None or own is None:
        return own or base
    said_of = {key: getattr(own, key) for key in own.model_fields_set}
    if "words" in said_of:
        # What of the preset's words does not come back says nothing of these.
        said_of.setdefault("loses", ())
        said_of.setdefault("otherwise", None)
    return base.model_copy(update=said_of)
