"""Promise 6: missing is not deleted.

An empty list, a truncated page, refused credentials, an error in the middle of the pages, a token
that shows less than before or a narrowed filter close, delete and create nothing. A record counts
as gone only when a direct read says so, and then only what the configuration asks for is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from instep.simulator.faults import entries
from instep.simulator.serve import KINDS
from instep.simulator.wire import Call, Reply
from instep.simulator.world import Simulator
from tests.cli.sims import Line
from tests.promises.staging import LISTING, Stage, staged

#: What a gone record may do at worst; and that it does nothing.
WORST = ("close", "recreate", "delete")
TROUBLES = ("empty", "garbage", "401", "403", "500-before", "html", "drop-after")
#: Records for which a listing has more than one page, and the switches that make them few.
PAGES: Mapping[str, tuple[int, Mapping[str, Mapping[str, Any]]]] = {
    "devrev": (12, {"devrev": {"max_limit": 5, "default_limit": 5, "over_limit": "clamp"}}),
    "datadog": (103, {}),
    "prodmanager": (52, {}),
}
#: Where the rows of a listing stand in its answer.
ROWS = {"devrev": "incidents", "datadog": "data", "prodmanager": "items"}


def dangerous(on_gone: str) -> dict[str, Any]:
    """Configure what a record that is gone brings about."""
    return {"systems": {kind: {"on_gone": on_gone} for kind in KINDS}}


def trouble(stage: Stage, kind: str, how: str, first: int = 1) -> None:
    """Let every listing of a service meet a fault, from the so many-th request on."""
    plan = [{"route": LISTING[kind], "kind": how, "every": 1, "from": first}]
    stage.doubles[kind].world.plan(entries(plan), kind)


async def nothing_happens(stage: Stage, *, cycles: int = 3) -> None:
    """Run cycles, and make sure that no service was asked for a change."""
    writes, records = stage.writes(), {k: d.records() for k, d in stage.doubles.items()}
    for _ in range(cycles):
        report = await stage.cycle(sweep=True)
        assert (report.writes, report.due, report.held) == (0, 0, 0)
    assert stage.writes() == writes
    assert {k: d.records() for k, d in stage.doubles.items()} == records


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", TROUBLES)
async def test_a_listing_that_fails_takes_nothing_away(tmp_path: Path, kind: str, how: str) -> None:
    """Empty list, truncated page, 401, 403, 5xx, a web page, a lost reply: no write at all.

    Not even where a record that is gone is to be deleted everywhere; afterwards all is in step.
    """
    async with staged(tmp_path, dangerous("delete")) as stage:
        await stage.rest()
        trouble(stage, kind, how)
        await nothing_happens(stage)
        stage.doubles[kind].world.clear()
        assert await stage.rest() == 0
        assert await stage.apart() == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["500-before", "garbage", "empty", "401"])
async def test_an_error_in_the_middle_of_the_pages_takes_nothing_away(
    tmp_path: Path, kind: str, how: str
) -> None:
    """The first page is right and the second is not: what stands on the second stays."""
    count: int
    switches: Any
    count, switches = PAGES[kind]
    target = next(one for one in KINDS if one != kind)
    more = dangerous("delete") | {"create": {one: None for one in KINDS if one != target}}
    async with staged(tmp_path, more, incidents={kind: count}, **switches) as stage:
        await stage.rest()
        assert stage.held()[target] == count
        for _ in range(2):
            trouble(stage, kind, how, first=2)
            await nothing_happens(stage, cycles=1)
            stage.doubles[kind].world.clear()
        assert await stage.rest() == 0


def narrowed(double: Simulator, keep: Callable[[Any], bool]) -> None:
    """Let a service list, and count, only some of its rows; direct reads are as before."""
    real, method, path = double.handle, *LISTING[double.name].rstrip("?").split(" ")

    def handle(call: Call) -> Reply:
        reply = real(call)
        if (call.method, call.path, reply.status) != (method, path, 200):
            return reply
        data = orjson.loads(reply.body)
        kept = [row for row in data[ROWS[double.name]] if keep(row)]
        data[ROWS[double.name]] = kept
        counted = {"x-total": str(len(kept))} if "x-total" in reply.headers else {}
        return replace(reply, body=orjson.dumps(data), headers={**reply.headers, **counted})

    double.handle = handle  # type: ignore[method-assign]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on_gone", ["keep", *WORST])
async def test_a_narrowed_listing_takes_nothing_away(
    tmp_path: Path, kind: str, on_gone: str
) -> None:
    """A filter or a token that shows fewer rows, all pages and status 200: each is read directly.

    Whatever is to be done about records that are gone, they are not.
    """
    async with staged(tmp_path, dangerous(on_gone)) as stage:
        await stage.rest()
        hidden = stage.doubles[kind].ids()[1:]
        narrowed(stage.doubles[kind], lambda row: str(row["id"]) not in hidden)
        await nothing_happens(stage)
        narrowed(stage.doubles[kind], lambda _: False)
        await nothing_happens(stage)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_that_sees_less_takes_nothing_away(
    tmp_path: Path, line: Line, kind: str
) -> None:
    """Hidden from lists and from direct reads alike, it is shown as gone, and nothing is done.

    That is the default; once the token sees it again all is as before.
    """
    async with staged(tmp_path) as stage:
        await stage.rest()
        double = stage.doubles[kind]
        hidden = double.ids()[0]

        def handle(call: Call) -> Reply:
            if hidden in call.path.split("/") or f'"{hidden}"'.encode() in call.body:
                return missing(real, call, hidden)
            return real(call)

        narrowed(double, lambda row: str(row["id"]) != hidden)
        real, double.handle = double.handle, handle  # type: ignore[method-assign]
        await nothing_happens(stage)
        status = await stage.ran(line, "status")
        assert "1 gone" in status.out
        del double.handle
        assert (await stage.cycle(sweep=True)).writes == 0
        assert await stage.rest() == 0
        assert " gone" not in (await stage.ran(line, "status")).out


def missing(real: Callable[[Call], Reply], call: Call, hidden: str) -> Reply:
    """Answer a read of a record as if it were not there, in the service's own words."""
    other = hidden[:-1] + ("1" if hidden[-1] != "1" else "2") if "-" in hidden else f"{hidden}999"
    body = call.body.replace(hidden.encode(), other.encode())
    return real(replace(call, path=call.path.replace(hidden, other), body=body))


@pytest.mark.parametrize("kind", KINDS)
async def test_only_what_is_asked_for_is_done_about_what_is_gone(tmp_path: Path, kind: str) -> None:
    """Deleted for good: the direct read says so, and only now what the rule asks is done.

    By default that is nothing; told to delete, exactly that incident's other records go.
    """
    async with staged(tmp_path) as stage:
        await stage.rest()
        title = stage.titles(kind)[0]
        stage.doubles[kind].delete(stage.named(kind, title))
        await nothing_happens(stage)
        others = [one for one in KINDS if one != kind]
        assert all(title in stage.titles(one) for one in others)


@pytest.mark.parametrize("kind", KINDS)
async def test_told_to_delete_exactly_the_others_of_it_go(tmp_path: Path, kind: str) -> None:
    """With ``delete`` the other records of that incident go, and no more."""
    async with staged(tmp_path, dangerous("delete")) as stage:
        await stage.rest()
        title = stage.titles(kind)[0]
        left = {one: sorted(set(stage.titles(one)) - {title}) for one in KINDS}
        stage.doubles[kind].delete(stage.named(kind, title))
        # DevRev lists with a lag, so a second look may be owed.
        for _ in range(3):
            await stage.cycle(sweep=True)
        assert {one: sorted(stage.titles(one)) for one in KINDS} == left
