"""Field types: how a common value of each type is made plain, and whether it can be emptied.

A common value is plain data too: instants are UTC text, ``set`` and ``people`` are sorted tuples.
Unset is ``None``, whatever a service spells it as.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from instep.core.model import Word


class Kind(StrEnum):
    """The type of a field."""

    LINE = "line"
    TEXT = "text"
    CHOICE = "choice"
    INSTANT = "instant"
    SET = "set"
    PEOPLE = "people"
    LINK = "link"
    FLAG = "flag"
    NUMBER = "number"


#: Kinds for which "nothing said" after something was said is an edit to nothing.
CLEARING = frozenset({Kind.TEXT, Kind.SET, Kind.PEOPLE, Kind.LINK})
#: Kinds whose value is a set of names.
MANY = frozenset({Kind.SET, Kind.PEOPLE})


class Decide(StrEnum):
    """How proposals that differ are decided."""

    NEWEST = "newest"
    PREFER = "prefer"
    HIGHEST = "highest"
    LOWEST = "lowest"
    UNION = "union"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a field does with a conflict; ``systems`` is the order of preference for ``prefer``."""

    decide: Decide = Decide.NEWEST
    systems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A common value of an incident.

    ``order`` lists the values of a ``choice`` from highest to lowest; other kinds have none.
    """

    name: str
    kind: Kind
    policy: Policy = Policy()
    order: tuple[str, ...] = ()

    @property
    def clears(self) -> bool:
        """Whether emptying the field on one side empties it on the others."""
        return self.kind in CLEARING


def normal(kind: Kind, value: object) -> Word:
    """Make a value of ``kind`` plain: unset is ``None``, sets are sorted, instants are UTC text.

    Raises:
        ValueError: the value cannot be read as one of this kind.
    """
    if value is None or value in ("", [], (), frozenset()):
        return None
    if kind in MANY:
        return _names(kind, value)
    if kind is Kind.INSTANT:
        return spell(moment(str(value)))
    if kind is Kind.FLAG:
        return _flag(value)
    if kind is Kind.NUMBER:
        return _number(value)
    text = unix(str(value))
    return (" ".join(text.split()) if kind is Kind.LINE else text) or None


def fits(field: Field, value: Word) -> bool:
    """Whether a common value is one that the field can have."""
    try:
        plain = normal(field.kind, value)
    except (ValueError, OverflowError):
        return False
    return plain == value and (not field.order or value is None or value in field.order)


def unix(text: str) -> str:
    """Make every line end a plain one, though it was doubled on the way."""
    return re.sub("\r+\n", "\n", text)


def _names(kind: Kind, value: object) -> tuple[str, ...] | None:
    """Read one name or several as a sorted tuple; people by e-mail, in lower case."""
    many = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
    names = {str(name).strip() for name in many} - {""}
    return tuple(sorted({n.casefold() for n in names} if kind is Kind.PEOPLE else names)) or None


def _flag(value: object) -> bool:
    """Read a flag from a boolean, a number or the usual words."""
    if isinstance(value, (bool, int)):
        return bool(value)
    if (word := str(value).casefold()) in ("true", "yes"):
        return True
    if word in ("false", "no"):
        return False
    raise ValueError(f"{value!r} is not a flag")


def _number(value: object) -> int | float:
    """Read a number; whole ones are ``int``, so that 3 and 3.0 are one value."""
    number = float(str(value))
    if not abs(number) < 2**63:
        raise ValueError(f"{value!r} is not a number")
    return int(number) if number.is_integer() else number


def moment(text: str) -> datetime:
    """Read an ISO 8601 instant of any precision; without a zone it is UTC.

    Raises:
        ValueError: not an instant.
    """
    when = datetime.fromisoformat(text)
    try:
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is beyond the calendar") from error


def spell(when: datetime) -> str:
    """Spell an instant the one canonical way: UTC, ``Z``, no fraction when it is zero."""
    text = when.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def stamp(when: datetime) -> str:
    """Spell an instant with all six fraction digits, so that stamps sort as text."""
    return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
