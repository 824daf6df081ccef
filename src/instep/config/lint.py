"""Lint: words that cannot come back, each with the words that they are taken for."""

from __future__ import annotations

from collections.abc import Iterator

from instep.config.build import losses_of, unit_of
from instep.config.drafts import Draft, drafts
from instep.config.findings import Finding, Path
from instep.config.mapping import FieldSpec
from instep.config.rule_fit import where
from instep.config.schema import Config
from instep.core.losses import Loss
from instep.core.unit import Unit


def lint(config: Config) -> Iterator[Finding]:
    """Name, for every rule of a right configuration, the losses that nobody has accepted."""
    unit = unit_of(config)
    for name, draft in drafts(config).items():
        said = config.fields.get(name) or FieldSpec()
        for system in draft.rules:
            yield from _rule(config, unit, name, said, draft, system)


def _rule(
    config: Config, unit: Unit, name: str, said: FieldSpec, draft: Draft, system: str
) -> Iterator[Finding]:
    """Look at one rule."""
    path, accepted = ("fields", name), draft.rules[system].loses
    found = losses_of(unit, system, name)
    for loss in found:
        if loss.word not in accepted:
            yield _told(config, system, loss, where(path, said, system, "words", _own(loss)))
    own = said.rules.get(system)
    for i, word in enumerate(own.loses if own else ()):
        if word not in {loss.word for loss in found}:
            message = f'"{word}" comes back from "{system}", or is no word of its rule'
            inside = (*path, system, "loses", i)
            yield Finding("E117", message, inside, "take it out of loses")


def _own(loss: Loss) -> str:
    """Give the own word at which a loss stands in the table."""
    return loss.word if loss.is_own else loss.through


def _told(config: Config, system: str, loss: Loss, path: Path) -> Finding:
    """Say what is lost; it is an error where the file asks for that."""
    hint = f'if that is meant: loses: ["{loss.word}"]'
    code = "E124" if config.strict else "W205"
    return Finding(code, f'"{loss.word}" does not come back from "{system}": {loss}', path, hint)
