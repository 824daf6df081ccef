"""The effective mapping: what preset and file say together, as a file would say all of it."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from instep.config.build import losses_of, unit_of
from instep.config.drafts import Draft, drafts
from instep.config.mapping import RuleSpec
from instep.config.schema import Config
from instep.core.fields import Decide, Kind, Policy
from instep.core.unit import Unit

#: What is longer does not stand in brackets.
WIDTH = 100


def effective(config: Config) -> dict[str, Any]:
    """Give every field with all that is said of it: ``fields`` of a file that means the same."""
    unit = unit_of(config)
    return {name: _field(unit, name, draft) for name, draft in drafts(config).items()}


def effective_yaml(config: Config) -> str:
    """Spell the effective mapping as YAML, and below it what does not come back."""
    yaml = YAML()
    yaml.width = 2 * WIDTH
    yaml.representer.add_representer(type(None), _tilde)
    fields = CommentedMap({name: _field_laid_out(said) for name, said in effective(config).items()})
    text = StringIO()
    yaml.dump({"fields": fields}, text)
    lost = list(_lost(config))
    told = ["", "# What does not come back, as is accepted or warned of:", *lost] if lost else []
    return text.getvalue() + "".join(f"{line}\n" for line in told)


def _lost(config: Config) -> Iterator[str]:
    """Name every pair of words of which one does not come back, as comments."""
    unit = unit_of(config)
    for system, member in unit.members.items():
        for name in member.rules:
            for loss in losses_of(unit, system, name):
                yield f"#   {name} of {system}: {loss}"


def _field(unit: Unit, name: str, draft: Draft) -> dict[str, Any]:
    """Say everything of one field."""
    said: dict[str, Any] = {"type": str(draft.kind)}
    if draft.order:
        said["values"] = list(draft.order)
    if draft.closes:
        said["closes"] = list(draft.closes)
    said["on_conflict"] = _policy(draft.policy)
    rules = {system: _rule(unit, system, name, spec) for system, spec in draft.rules.items()}
    return said | rules


def _policy(policy: Policy) -> Any:
    """Say how a conflict is decided."""
    if policy.decide is Decide.PREFER:
        return {"prefer": list(policy.systems)}
    return str(policy.decide)


def _rule(unit: Unit, system: str, name: str, spec: RuleSpec) -> dict[str, Any]:
    """Say everything of one rule: what differs from what a rule says of itself."""
    said = {
        key: _plain(value)
        for key in RuleSpec.model_fields
        if (value := getattr(spec, key)) != RuleSpec.model_fields[key].default or key == "path"
    }
    rule = unit.members[system].rules[name]
    if rule.field.kind is Kind.INSTANT:
        # The service's own, where the rule has none.
        said["precision"] = str(rule.spelling.precision)
        said |= {"zone": rule.spelling.zone} if rule.spelling.zone else {}
    return said


def _plain(value: Any) -> Any:
    """Spell a value as a file does: a list of one is one word, an empty one says nothing."""
    if isinstance(value, dict):
        return {own: _meaning(means) for own, means in value.items()}
    return list(value) if isinstance(value, tuple) else value if _is_yaml(value) else str(value)


def _meaning(means: tuple[str, ...]) -> Any:
    """Spell what an own word stands for."""
    return list(means) if len(means) > 1 else next(iter(means), None)


def _is_yaml(value: Any) -> bool:
    """Whether YAML has the value itself."""
    return type(value) in (str, int, float, bool)


def _field_laid_out(said: dict[str, Any]) -> CommentedMap:
    """Lay out a field: each key, and each rule, on a line of its own."""
    return CommentedMap({key: _laid_out(value) for key, value in said.items()})


def _laid_out(value: Any) -> Any:
    """Lay out what is short in brackets, and the rest on lines of its own."""
    if isinstance(value, dict):
        laid: Any = CommentedMap({key: _laid_out(inner) for key, inner in value.items()})
    elif isinstance(value, list):
        laid = CommentedSeq(value)
    else:
        return value
    if len(str(value)) < WIDTH:
        laid.fa.set_flow_style()
    return laid


def _tilde(representer: Any, _: None) -> Any:
    """Spell nothing as files do."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "~")
