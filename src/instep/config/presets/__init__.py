"""The usual fields, and how the three services say them: packaged YAML, read like a user's own."""

from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from instep.config.mapping import FieldSpec, RuleSpec
from instep.config.positions import read
from instep.core.paths import Places
from instep.core.spelling import Precision


class Preset(BaseModel):
    """How one service says the usual fields, how finely it keeps instants, and its places."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: Precision
    places: Places
    rules: dict[str, RuleSpec]


@cache
def usual() -> dict[str, FieldSpec]:
    """Give the usual fields in their order."""
    return {name: FieldSpec.model_validate(said) for name, said in _tree("fields").items()}


@cache
def preset(service: str) -> Preset:
    """Give the rules of one type of system."""
    return Preset.model_validate(_tree(service))


def _tree(name: str) -> dict[str, Any]:
    """Read a packaged file."""
    text = (files(__package__) / f"{name}.yaml").read_text(encoding="utf-8")
    tree: dict[str, Any] = read(text).tree
    return tree
