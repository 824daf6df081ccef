"""How ProdManager lists: filters that widen when they are wrong, and paging in headers.

All of it was observed with SQLite; unstable ties were observed with PostgreSQL.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from instep.simulator.prodmanager_incident import SEVERITIES, STATUSES, Incident
from instep.simulator.prodmanager_text import broken, failed

if TYPE_CHECKING:
    from instep.simulator.wire import Call

Item = TypeVar("Item")
Test = Callable[[Incident], bool]
MOST_VALUES = 50
MOST_PAGES = 10_000_000
BIGGEST = 2**63 - 1


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


def page(items: list[Item], call: Call) -> tuple[list[Item], dict[str, str]]:
    """Answer the page that ``call`` asks for, and its headers; ``None`` is spelled out there."""
    size, at = number(call, "per_page", 20, 50), number(call, "page", 1, MOST_PAGES)
    pages = -(-len(items) // size)
    headers = {
        "x-total": str(len(items)),
        "x-total-pages": str(pages),
        "x-page": str(at),
        "x-per-page": str(size),
        "x-prev-page": str(at - 1 if at > 1 else None),
        "x-next-page": str(at + 1 if at < pages else None),
    }
    return items[size * (at - 1) : size * at], headers


def tests(call: Call) -> list[Test]:
    """Read the filters of a listing, all but the external reference."""
    found = [_choices(call, "status", STATUSES), _choices(call, "severity", SEVERITIES)]
    found += [_numbers(call, "scope"), _numbers(call, "service")]
    found += [_after(call.param("impact_after")), _before(call.param("impact_before"))]
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


def _numbers(call: Call, name: str) -> Test | None:
    wanted = {int(value) for value in sent(call, name) if value.isdigit()}
    if any(value > BIGGEST for value in wanted):
        raise broken()
    return (lambda one: one.values[name] in wanted) if wanted else None


def _after(bound: str | None) -> Test | None:
    return None if bound is None else lambda one: _stored(one) >= bound


def _before(bound: str | None) -> Test | None:
    return None if bound is None else lambda one: _stored(one) < bound


def _stored(one: Incident) -> str:
    # Dates are compared as text with a space where clients write a T, so with a T it is wrong.
    return f"{one.values['start_impact_date']:%Y-%m-%d %H:%M:%S.000000}"


def shuffled(rows: list[Incident], call: Call) -> list[Incident]:
    """Sort with ties in an order that depends on the page asked for."""
    rng = random.Random(call.query)
    return sorted(rows, key=lambda one: (one.place, rng.random()))
