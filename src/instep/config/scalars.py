"""Single values of YAML: the few kinds that are more than text.

Each reads a text as its kind, or raises ``ValueError``: then it is text after all, or a tag lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

_FLAGS = {"true": True, "false": False}


def _null(text: str) -> None:
    """Read nothing."""
    if text.casefold() not in ("", "~", "null"):
        raise ValueError(text)


def _flag(text: str) -> bool:
    """Read a flag; ``yes`` and ``on`` are text, and flags only where one is expected."""
    try:
        return _FLAGS[text.casefold()]
    except KeyError:
        raise ValueError(text) from None


def _integer(text: str) -> int:
    """Read a whole number of at most 64 bits; ``0o17`` and ``0x1f`` are numbers too.

    With a zero in front it stays text: 010 is ten to some and eight to others.
    """
    digits = text.replace("_", "")
    number = int(digits, 10 if digits.lstrip("+-") == "0" else 0)
    if not -(2**63) <= number < 2**63:
        raise ValueError(text)
    return number


def _number(text: str) -> float:
    """Read a number with a fraction; ``.inf`` and ``.nan`` stay text, they are of no use here."""
    number = float(text.replace("_", ""))
    if not math.isfinite(number):
        raise ValueError(text)
    return number


#: How a text is read, by the tag that YAML gives it; other tags are of text.
READ: Mapping[str, Callable[[str], object]] = {
    "null": _null,
    "bool": _flag,
    "int": _integer,
    "float": _number,
}
