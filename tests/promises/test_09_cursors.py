"""Promise 9: cursors cannot lose or loop.

Thousands of records on one timestamp, late arrivals, clocks that are off, pages that shift while
they are listed, dates of mixed precision: every record is seen, and the run ends. The cursor comes
from all rows that were shown, whether they count or not, and never moves on a page that failed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from instep.core.fields import moment
from instep.ledger import runs
from instep.simulator.faults import entries
from instep.simulator.wire import Call, Reply
from tests.promises.staging import APART, LISTING, Stage, staged

MANY, PAGE = 5000, 100


def known(stage: Stage) -> int:
    """Count the incidents that the ledger knows."""
    with stage.app.ledger.begin() as db:
        return runs.counts(db)["incidents"]


def cursor(stage: Stage) -> str:
    """Give how far DevRev was heard."""
    return runs.cursor(stage.app.ledger, "default", "devrev").cursor or ""


def asked(stage: Stage, kind: str) -> int:
    """Count the requests that listed something in a service."""
    return stage.doubles[kind].world.count(LISTING[kind].rstrip("?"))


@pytest.mark.slow
async def test_thousands_on_one_timestamp_are_all_seen(tmp_path: Path) -> None:
    """5,000 records changed in one millisecond, pages of 100: all are seen, in fifty pages.

    One more of that very millisecond that comes later is seen as well, and the next run, too, ends.
    """
    async with staged(tmp_path, APART, incidents=0) as stage:
        for number in range(MANY):
            stage.add("devrev", f"Incident {number}")
        dates = {raw["modified_date"] for raw in stage.doubles["devrev"].records()}
        assert len(dates) == 1
        report = await stage.cycle(seconds=0.0)
        assert (report.incidents, asked(stage, "devrev")) == (MANY, MANY // PAGE)
        stage.add("devrev", "A late arrival")
        assert (await stage.cycle(seconds=0.0)).incidents == MANY + 1
        assert moment(cursor(stage)) == moment(next(iter(dates)))


@pytest.mark.parametrize("skew", [-300.0, 300.0])
async def test_a_clock_that_is_off_hides_nothing(tmp_path: Path, skew: float) -> None:
    """The service's clock is five minutes behind or ahead, and jumps there and back: all is seen.

    So is every edit, in the cycle after it.
    """
    async with staged(tmp_path, APART, incidents={"devrev": 3}) as stage:
        await stage.cycle()
        world, count = stage.doubles["devrev"].world, 3
        for jump in (skew, 0.0, -skew, 0.0):
            world.skew(jump)
            stage.add("devrev", f"Opened with a jump of {jump:g}")
            stage.rename("devrev", stage.doubles["devrev"].ids()[0], f"Renamed {count}")
            count += 1
            report = await stage.cycle()
            assert report.incidents == count
            # What was edited before the jump back is found by the sweep at the latest.
            report = await stage.cycle(sweep=True)
            assert report.systems["devrev"].counts["changed"] == 0


@pytest.mark.parametrize("kind", ["datadog", "prodmanager"])
@pytest.mark.parametrize("deed", ["delete", "insert"])
async def test_pages_that_shift_lose_nothing(tmp_path: Path, kind: str, deed: str) -> None:
    """A record deleted or opened between two pages of the list: all others are seen soon.

    Again and again, in first runs and later ones; nothing is shown twice as two incidents.
    """
    async with staged(
        tmp_path, APART, incidents={kind: 230 if kind == "datadog" else 120}
    ) as stage:
        double = stage.doubles[kind]
        for _ in range(3):
            if deed == "delete":
                double.world.after(LISTING[kind], lambda: double.delete(double.ids()[0]))
            else:
                double.world.after(LISTING[kind], double.add)
            await stage.cycle()
        await stage.cycle()
        with stage.app.ledger.begin() as db:
            ids = db.exec_driver_sql("SELECT record FROM external_references").scalars().all()
        assert set(double.ids()) <= set(ids)
        assert len(ids) == len(set(ids))


def respelled(stage: Stage, spell: Callable[[int, str], str]) -> None:
    """Let DevRev spell the time of change of its records in another way."""
    double = stage.doubles["devrev"]
    real = double.handle

    def handle(call: Call) -> Reply:
        reply = real(call)
        if reply.status != 200 or not call.path.startswith("/incidents."):
            return reply
        data: dict[str, Any] = orjson.loads(reply.body)
        rows = data.get("incidents", [data["incident"]] if "incident" in data else [])
        for row in rows:
            row["modified_date"] = spell(int(row["id"][-1]), row["modified_date"])
        return replace(reply, body=orjson.dumps(data))

    double.handle = handle  # type: ignore[method-assign]


def mixed(number: int, date: str) -> str:
    """Spell a date to the second, or with three, six or nine digits, by the record."""
    plain = date.partition(".")[0].removesuffix("Z")
    millis = moment(date).microsecond // 1000
    spelled = (f"{plain}.{millis:03}Z", f"{plain}.{millis:03}000Z", f"{plain}.{millis:03}000000Z")
    return f"{plain}Z" if millis == 0 else spelled[number % 3]


async def test_dates_of_mixed_precision_are_compared_as_instants(tmp_path: Path) -> None:
    """Digits of several lengths beside each other: each edit arrives at once, then all is quiet."""
    async with staged(tmp_path, incidents={"devrev": 6}) as stage:
        respelled(stage, mixed)
        await stage.rest()
        for number, record in enumerate(stage.doubles["devrev"].ids()):
            stage.clock.at += 0.25
            stage.rename("devrev", record, f"Renamed {number}")
            await stage.cycle(seconds=0.5)
            assert f"Renamed {number}" in stage.titles("prodmanager")
        newest = max(moment(raw["modified_date"]) for raw in stage.doubles["devrev"].records())
        assert moment(cursor(stage)) == newest
        assert await stage.rest() == 0


async def test_rows_that_do_not_count_move_the_cursor_all_the_same(tmp_path: Path) -> None:
    """Pages full of incidents that another synchroniser owns: they are walked once, and passed."""
    async with staged(tmp_path, APART, incidents={"devrev": 3}) as stage:
        double = stage.doubles["devrev"]
        for number in range(2 * PAGE):
            stage.clock.at += 1
            double.add(
                title=f"Foreign {number}",
                sync_metadata={
                    "external_reference": f"https://example.com/{number}",
                    "origin_system": "another",
                },
            )
        report = await stage.cycle()
        assert report.incidents == 3
        newest = max(moment(raw["modified_date"]) for raw in double.records())
        assert moment(cursor(stage)) == newest
        before = asked(stage, "devrev")
        await stage.cycle()
        assert asked(stage, "devrev") == before + 1


@pytest.mark.parametrize("how", ["500-before", "garbage", "html", "401", "drop-after"])
async def test_a_page_that_fails_moves_no_cursor(tmp_path: Path, how: str) -> None:
    """The second page of changes fails, cycle after cycle: the cursor stays at the first one's end.

    What stood on the second is seen as soon as it can be.
    """
    async with staged(tmp_path, APART, incidents={"devrev": 1}) as stage:
        await stage.cycle()
        double = stage.doubles["devrev"]
        for number in range(PAGE + 50):
            stage.clock.at += 1
            stage.add("devrev", f"Incident {number}")
        dates = [moment(raw["modified_date"]) for raw in double.records()]
        fail(stage, how, first=2)
        report = await stage.cycle()
        assert not report.systems["devrev"].heard
        # The first page was noted, and what was there before it is on it, too.
        assert sorted(dates)[PAGE - 1] <= moment(cursor(stage)) < max(dates)
        stood = cursor(stage)
        fail(stage, how)
        for _ in range(2):
            await stage.cycle()
            assert cursor(stage) == stood
        double.world.clear()
        report = await stage.cycle()
        assert report.incidents == PAGE + 51
        assert moment(cursor(stage)) == max(dates)


def fail(stage: Stage, how: str, first: int = 1) -> None:
    """Let every listing of DevRev fail, from the so many-th request on."""
    world = stage.doubles["devrev"].world
    world.clear()
    plan = [{"route": LISTING["devrev"], "kind": how, "every": 1, "from": first}]
    world.plan(entries(plan), "devrev")
