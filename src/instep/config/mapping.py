"""What a configuration may say of the mapping: fields, their rules, creation, and tests of it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from instep.config.values import (
    Choices,
    Count,
    Decision,
    Flag,
    Maybe,
    Meanings,
    Otherwise,
    Plain,
    Several,
    Zone,
    given,
    off,
)
from instep.core.fields import Kind
from instep.core.rules import Direction
from instep.core.spelling import Precision, Shorten

#: Where a field's rules, and the fields of a condition, are gathered while they are read, and where
#: a bare value is put: keys that no file has.
RULES, FIELDS, IS = "\0rules", "\0fields", "\0is"


class Part(BaseModel):
    """A mapping of the file: unknown keys are mistakes, and errors do not repeat the input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Wanted(Part):
    """What a field has to say: one of some values (``None``: nothing), or within a range."""

    values: Choices | None = Field(default=None, alias="\0is")
    at_least: Annotated[str | None, BeforeValidator(given)] = None
    at_most: Annotated[str | None, BeforeValidator(given)] = None
    other: "Wanted | None" = Field(default=None, alias="not")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, said: Any) -> Any:
        """Take a value or a list of values for what the field has to say."""
        if isinstance(said, dict):
            return said | ({"not": [None]} if said.get("not", "") is None else {})
        return {IS: said if isinstance(said, list) else [said]}


class When(Part):
    """A condition: what fields have to say, beside other conditions; all of it has to hold."""

    fields: dict[str, Wanted] = Field(default={}, alias="\0fields")
    some: tuple["When", ...] = Field(default=(), alias="any", min_length=1)
    every: tuple["When", ...] = Field(default=(), alias="all", min_length=1)
    other: Annotated["When | None", BeforeValidator(given)] = Field(default=None, alias="not")

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, said: Any) -> Any:
        """Put what fields have to say in one place; a field cannot be named as a condition is."""
        if not isinstance(said, dict):
            return said
        fields = {key: wanted for key, wanted in said.items() if key not in ("any", "all", "not")}
        return {key: value for key, value in said.items() if key not in fields} | {FIELDS: fields}


class Create(Part):
    """Which incidents a system is given; ``origins`` (in the file: ``from``) ``None`` means all.

    ``alike`` is what happens where it has a record that looks the same and belongs to no other.
    """

    origins: tuple[str, ...] | None = Field(default=None, alias="from", min_length=1)
    when: When = When()
    set: dict[str, Plain] = {}
    alike: Literal["hold", "create"] = "hold"


class RuleSpec(Part):
    """What is said of one field in one system; ``words`` ``None``: own words are common words.

    ``otherwise`` is what own words stand for that the table lacks; it is read, never written.
    ``loses`` are the words of which it is accepted that they do not come back.
    """

    path: str | None = Field(default=None, min_length=1)
    direction: Direction = Direction.BOTH
    words: dict[str, Meanings] | None = None
    otherwise: Otherwise = None
    loses: tuple[str, ...] = ()
    const: Plain = None
    template: str | None = Field(default=None, min_length=1)
    default: Plain = None
    precision: Precision | None = None
    zone: Zone | None = None
    max_length: Count = 0
    shorten: Shorten = Shorten.ELLIPSIS
    min_length: Count = 0
    strip: Flag = False
    tidy: Flag = False
    single: Flag = False
    only_add: Flag = False


class FieldSpec(Part):
    """What is said of a field; in the file its rules stand beside its own keys, by system.

    ``values`` are the words of a choice, highest first; ``closes`` those that close an incident.
    """

    type: Kind | None = None
    on_conflict: Decision | None = None
    values: Several = ()
    closes: tuple[str, ...] = ()
    rules: dict[str, Annotated[RuleSpec | None, BeforeValidator(off)]] = Field(
        default={}, alias="\0rules"
    )

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, said: Any, info: ValidationInfo) -> Any:
        """Put what is said of each system under ``rules``; what names no system stays unknown."""
        if not isinstance(said, dict):
            return said
        systems = (info.context or {}).get("systems", ())
        rules = {key: rule for key, rule in said.items() if key in systems}
        return {key: value for key, value in said.items() if key not in rules} | {RULES: rules}


class Trial(Part):
    """A test of the mapping: own words by path that one system says, and what the others are sent.

    ``edited`` is what somebody then changes in that record. Of what is ``sent`` the paths that are
    named are looked at; ``None`` is for a path that is not sent, or a system that is sent nothing.
    """

    name: str = ""
    given: dict[str, dict[str, Maybe]] = Field(min_length=1, max_length=1)
    edited: dict[str, Maybe] = {}
    sent: dict[str, dict[str, Maybe] | None] = Field(min_length=1)
