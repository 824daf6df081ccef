"""What can be made to go wrong with a request, and when: one entry of a fault plan."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

Kind = Literal[
    # The request is not carried out.
    "429",
    "401",
    "403",
    "empty",
    "500-before",
    "502",
    "503",
    "html",
    "drop-before",
    "hang",
    # It is, and its answer is odd, late or lost.
    "500-after",
    "garbage",
    "latency",
    "drip",
    "drop-after",
    "reset",
    # The answer is right, and something happens beside it.
    "skew",
    "insert",
    "edit",
    "delete",
]
KINDS: tuple[str, ...] = get_args(Kind)
#: Kind -> the forms that its answer can have; the first is the usual one.
FORMS: Mapping[str, tuple[str, ...]] = {
    "429": ("own", "retry-after", "date", "body", "reset", "reset-at", "none"),
    "502": ("html", "own"),
    "503": ("html", "own"),
}
#: Key -> the kinds that it means something to.
FITS: Mapping[str, frozenset[str]] = {
    "seconds": frozenset({"latency", "drip", "skew", "429"}),
    "status": frozenset({"500-before", "500-after", "html"}),
    "form": frozenset(FORMS),
}
#: Kinds that say nothing without ``seconds``.
TIMED = ("latency", "skew")
#: Seconds of a wait or a jump, at most: some 30 years, which every calendar can add.
MOST_SECONDS = 1_000_000_000
_WHEN = ("nth", "every", "chance")
_PLAIN = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "model_type": "a mapping",
    "list_type": "a list",
}


def _misfit(key: str, message: str, hint: str = "") -> PydanticCustomError:
    """Refuse a key that does not fit the entry around it."""
    return PydanticCustomError("misfit", "{said}", {"key": key, "said": message, "hint": hint})


class Entry(BaseModel):
    """One fault: to which requests (``route``), when, and which (``kind``).

    ``route`` is text found in ``METHOD /path?query``, with the query decoded. Of the requests in
    which it is found, counted from 1 and from the one numbered ``first`` on (``from`` in a file),
    the ``nth``, ``every`` so many, or each with a ``chance``; by default the first. ``times`` is
    how often at most. ``seconds``, ``status`` and ``form`` say more of some kinds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    route: str
    kind: Annotated[Kind, BeforeValidator(lambda word: str(word) if type(word) is int else word)]
    nth: int | None = Field(None, ge=1)
    every: int | None = Field(None, ge=1)
    chance: float | None = Field(None, gt=0, le=1)
    times: int | None = Field(None, ge=1)
    first: int = Field(1, ge=1, alias="from")
    seconds: float | None = Field(None, allow_inf_nan=False, ge=-MOST_SECONDS, le=MOST_SECONDS)
    status: int | None = Field(None, ge=200, le=599)
    form: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Entry:
        """Refuse what contradicts itself, or would mean nothing."""
        when = [key for key in _WHEN if getattr(self, key) is not None]
        if len(when) > 1:
            message = f'"{when[1]}" cannot stand beside "{when[0]}"'
            raise _misfit(when[1], message, f"one of {', '.join(_WHEN)}")
        if self.times is not None and when not in (["every"], ["chance"]):
            raise _misfit("times", '"times" goes with "every" or "chance"')
        for key, kinds in FITS.items():
            if getattr(self, key) is not None and self.kind not in kinds:
                usual = ", ".join(kind for kind in KINDS if kind in kinds)
                raise _misfit(key, f'"{key}" means nothing to {self.kind}', f"it goes with {usual}")
        self._check_seconds()
        if self.form is not None and self.form not in FORMS[self.kind]:
            forms = FORMS[self.kind]
            raise _misfit("form", f'"form" cannot be "{self.form}"', suggestion(self.form, forms))
        return self

    def _check_seconds(self) -> None:
        if self.kind in TIMED and self.seconds is None:
            raise _misfit("kind", f'{self.kind} needs "seconds"', "such as seconds: 0.5")
        if self.kind != "skew" and (self.seconds or 0) < 0:
            raise _misfit("seconds", '"seconds" cannot be below 0', "only a clock goes back")

    def said(self) -> dict[str, Any]:
        """Answer the entry as a plan would spell it."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


@dataclass(slots=True, eq=False)
class Fault:
    """An entry at work; ``service`` is the only one it strikes, if named.

    ``action`` stands in place of a kind, for what only a test can do.
    """

    entry: Entry
    chance: random.Random
    service: str = ""
    action: Callable[[], object] | None = None
    seen: int = 0
    struck: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it cannot strike any more."""
        entry = self.entry
        once = entry.every is None and entry.chance is None
        return self.struck >= (entry.times or (1 if once else self.struck + 1))

    def strikes(self, service: str, line: str) -> bool:
        """Count a request that concerns this fault; answers whether it is struck."""
        if (self.service and self.service != service) or self.entry.route not in line:
            return False
        self.seen += 1
        number = self.seen - self.entry.first + 1
        is_struck = number > 0 and self._is_due(number)
        self.struck += is_struck
        return is_struck

    def _is_due(self, number: int) -> bool:
        entry = self.entry
        if entry.every is not None:
            return number % entry.every == 0
        if entry.chance is not None:
            return self.chance.random() < entry.chance
        return number == (entry.nth or 1)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a plan at ``path``: the place in the list, then the key.

    ``kind`` is pydantic's word for it, or ``misfit`` for what contradicts the rest of an entry.
    """

    kind: str
    path: tuple[str | int, ...]
    message: str
    hint: str = ""


class PlanError(ValueError):
    """A fault plan that cannot be used; ``mistakes`` are all that is wrong with it."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        """Keep the mistakes."""
        super().__init__(
            "; ".join(
                f"{one.message} ({one.hint})" if one.hint else one.message for one in mistakes
            )
        )
        self.mistakes = mistakes


_PLAN = TypeAdapter(list[Entry])


def entries(plan: Any) -> list[Entry]:
    """Read a plan, a list of mappings.

    Raises:
        PlanError: something in it is wrong; all of it is told at once.
    """
    try:
        return _PLAN.validate_python(plan)
    except ValidationError as error:
        mistakes = error.errors(include_url=False)
        raise PlanError(tuple(_mistake(mistake) for mistake in mistakes)) from None


def suggestion(word: object, valid: Iterable[str]) -> str:
    """Say which word was probably meant, and which ones there are."""
    names = tuple(valid)
    near = get_close_matches(str(word), names, n=1)
    return (f'did you mean "{near[0]}"? ' if near else "") + f"one of {', '.join(names)}"


def _mistake(mistake: Any) -> Mistake:
    """Put one of pydantic's errors into plain words."""
    kind, path, context = mistake["type"], mistake["loc"], mistake.get("ctx", {})
    if kind == "misfit":
        return Mistake(kind, (*path, context["key"]), context["said"], context["hint"])
    if kind == "missing":
        return Mistake(kind, path, f'"{path[-1]}" is missing', "an entry needs route and kind")
    if kind == "extra_forbidden":
        keys = (field.alias or name for name, field in Entry.model_fields.items())
        return Mistake(kind, path, f'unknown key "{path[-1]}"', suggestion(path[-1], keys))
    if kind == "literal_error":
        word = mistake["input"]
        return Mistake(kind, path, f'"kind" cannot be "{word}"', suggestion(word, KINDS))
    said = f'"{path[-1]}"' if path and isinstance(path[-1], str) else "an entry"
    if kind in _PLAIN:
        return Mistake(kind, path, f"{said if path else 'a plan'} must be {_PLAIN[kind]}")
    return Mistake(kind, path, f"{said}: {mistake['msg']}")
