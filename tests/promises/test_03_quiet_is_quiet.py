"""Promise 3: quiet is quiet.

Without an edit by a person a cycle writes nothing, anywhere, and reads each service with at most
its pages and a few requests more. ``instep status`` prints what that costs.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path

import pytest

from tests.cli.sims import Line
from tests.promises.staging import APART, Stage, staged

#: Records on the largest page that each service gives.
PAGE = {"devrev": 100, "datadog": 100, "prodmanager": 50}
#: Requests beside the pages, at most: DevRev counts its stages, Datadog's list ends with an empty
#: page, and ProdManager lists its scopes and its services.
BESIDE = {"devrev": 1, "datadog": 1, "prodmanager": 2}


async def quiet(stage: Stage, *, sweep: bool) -> dict[str, int]:
    """Run a cycle in which nothing is to do; answers the requests, as each service counts them."""
    before = {kind: len(stage.requests(kind)) for kind in stage.doubles}
    writes = stage.writes()
    report = await stage.cycle(sweep=sweep)
    assert (report.exit_code, report.writes, stage.writes()) == (0, 0, writes)
    after = {kind: len(stage.requests(kind)) - before[kind] for kind in stage.doubles}
    assert after == {kind: t.counts["requests"] for kind, t in report.systems.items()}
    return after


def most(stage: Stage) -> dict[str, int]:
    """Say how many requests a quiet cycle may cost each service."""
    return {
        kind: max(1, ceil(count / PAGE[kind])) + BESIDE[kind]
        for kind, count in stage.held().items()
    }


def within(cost: dict[str, int], bounds: dict[str, int]) -> bool:
    """Whether no service was asked more often than it may be."""
    return all(count <= bounds[kind] for kind, count in cost.items())


async def test_a_quiet_cycle_writes_nothing_and_says_what_it_costs(
    tmp_path: Path, line: Line
) -> None:
    """Without an edit: no write, at most ceil(records / page) + a constant reads, and it is told.

    That holds between sweeps and for a sweep; ``status`` prints the very number that the services
    have counted.
    """
    async with staged(tmp_path, incidents=18) as stage:
        await stage.rest()
        assert stage.held() == dict.fromkeys(stage.doubles, 54)
        for sweep in (True, False, False):
            cost = await quiet(stage, sweep=sweep)
            assert within(cost, most(stage)), cost
        status = await stage.ran(line, "status", "--json")
        shown = {kind: told["requests"] for kind, told in status.data["quiet"].items()}
        assert (status.code, shown) == (0, cost)
        text = (await stage.ran(line, "status")).out
        for kind, count in cost.items():
            assert f"{kind} {count} " in text.partition("quiet cycle: ")[2]


@pytest.mark.parametrize("count", [0, 1, 100, 101, 340])
async def test_the_cost_grows_by_pages(tmp_path: Path, count: int) -> None:
    """However many records there are, beside their pages there are the same few requests."""
    async with staged(tmp_path, APART, incidents=count) as stage:
        await stage.rest()
        cost = await quiet(stage, sweep=True)
        assert within(cost, most(stage)), cost
        # What filters by time is not listed whole again.
        between = await quiet(stage, sweep=False)
        assert between["devrev"] <= 1 + BESIDE["devrev"]
        assert within(between, most(stage)), between
