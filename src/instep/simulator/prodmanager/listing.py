"""How ProdManager lists: filters that widen when they are wrong, and paging in headers.

All of it was observed on version 0.22.0.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from instep.simulator.prodmanager.database import Database
from instep.simulator.prodmanager.incident import SEVERITIES, STATUSES, Incident
from instep.simulator.prodmanager.text import broken, failed

if TYPE_CHECKING:
    from instep.simulator.wire import Call

Item = TypeVar("Item")
Test = Callable[[Incident], bool]
MOST_VALUES = 50
MOST_PAGES = 10_000_000


def number(call: Call, name: str, default: int, most: int) -> int:
    """Read a paging parameter; too small is the default, too large a 400, no number a 500."""
    text = call.param(name)
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise broken() from None
    if value > most:
        reason = f"Value higher than the limit {most}"
        raise failed(400, "Pagination value overflow", **{name: [reason]})
    return value if value > 0 else default


def window(call: Call) -> tuple[int, int]:
    """Answer how many rows a page has, and which page is asked for."""
    return number(call, "per_page", 20, 50), number(call, "page", 1, MOST_PAGES)


def page(items: list[Item], call: Call) -> tuple[list[Item], dict[str, str]]:
    """Answer the page that ``call`` asks for, and its headers; ``None`` is spelled out there."""
    return cut(items, call), paged(len(items), call)


def cut(items: list[Item], call: Call) -> list[Item]:
    """Answer the page that ``call`` asks for; past the end it is empty."""
    size, at = window(call)
    return items[size * (at - 1) : size * at]


def paged(total: int, call: Call) -> dict[str, str]:
    """Answer the headers of a page of ``total`` rows."""
    size, at = window(call)
    pages = -(-total // size)
    return {
        "x-total": str(total),
        "x-total-pages": str(pages),
        "x-page": str(at),
        "x-per-page": str(size),
        "x-prev-page": str(at - 1 if at > 1 else None),
        "x-next-page": str(at + 1 if at < pages else None),
    }


def tests(call: Call, base: Database) -> list[Test]:
    """Read the filters of a listing, all but the external reference."""
    found = [_choices(call, "status", STATUSES), _choices(call, "severity", SEVERITIES)]
    found += [_numbers(call, name, base) for name in ("scope", "service")]
    found.append(_dates(call, "impact_after", base, operator.ge))
    found.append(_dates(call, "impact_before", base, operator.lt))
    return [test for test in found if test]


def sent(call: Call, name: str) -> list[str]:
    """Answer all values of a filter; more than 50 are refused."""
    values = [value for key, value in call.pairs if key == name]
    if len(values) > MOST_VALUES:
        reason = f"More values than the limit {MOST_VALUES}"
        raise failed(400, "Filter value overflow", **{name: [reason]})
    return values


def _choices(call: Call, name: str, known: Iterable[str]) -> Test | None:
    # A value that is not valid is dropped without a word, and the list gets wider.
    wanted = set(sent(call, name)) & set(known)
    return (lambda one: one.values[name] in wanted) if wanted else None


def _numbers(call: Call, name: str, base: Database) -> Test | None:
    wanted = {int(value) for value in sent(call, name) if value.isdecimal()}
    if any(value > base.biggest_id for value in wanted):
        raise broken()
    return (lambda one: one.values[name] in wanted) if wanted else None


def _dates(call: Call, name: str, base: Database, holds: Callable[[Any, Any], bool]) -> Test | None:
    bounds = [base.bound(value) for value in sent(call, name)]
    if not bounds:
        return None
    return lambda one: any(
        holds(base.stored(one.values["start_impact_date"]), bound) for bound in bounds
    )
