"""What the doubles hold at the start."""

from __future__ import annotations

import pytest

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.serve import build
from instep.simulator.world import World


def test_the_seed_decides_everything(world: World) -> None:
    """Two worlds with one seed and one clock hold the same incidents."""
    again = World(seed=1, now=world.now)
    assert DevRevSimulator(world).records() == DevRevSimulator(again).records()


def test_no_title_is_in_two_services(world: World) -> None:
    """The three services start without an incident in common."""
    titles = [
        {one["title"] for one in DevRevSimulator(world, incidents=100).records()},
        {one["attributes"]["title"] for one in DatadogSimulator(world, incidents=100).records()},
        {one["name"] for one in ProdManagerSimulator(world, incidents=100).records()},
    ]
    assert len(set.union(*titles)) == 300


def test_devrev_dates_fit_the_stage(world: World) -> None:
    """Acknowledged, mitigated and closed incidents say since when."""
    dates = {"triage": 0, "acknowledged": 1, "fixing": 1, "mitigated": 2, "resolved": 3}
    names = ("acknowledged_date", "mitigated_date", "actual_close_date")
    for one in DevRevSimulator(world, incidents=40).records():
        reached = dates[one["stage"]["stage"]["name"]]
        assert [name in one for name in names] == [at < reached for at in range(3)]


def test_datadog_dates_fit_the_state(world: World) -> None:
    """Stable incidents have an impact with an end, done ones `resolved`; many lack an impact."""
    rows = [one["attributes"] for one in DatadogSimulator(world, incidents=40).records()]
    for one in rows:
        assert bool(one["resolved"]) == (one["state"] == "resolved")
        if one["state"] == "stable":
            assert one["customer_impact_start"] < one["customer_impact_end"]
    without = [one for one in rows if not one["customer_impact_start"]]
    assert 10 <= len(without) <= 25


def test_prodmanager_dates_fit_the_status(world: World) -> None:
    """A phase has the date that a person's save would have set, and none beyond it."""
    names = ("investigation_date", "stable_date", "resolve_date")
    reached = {"active": 0, "investigating": 1, "stable": 2, "resolved": 3}
    for one in ProdManagerSimulator(world, incidents=40).records():
        dates = [one[name] for name in names]
        assert [bool(date) for date in dates] == [at < reached[one["status"]] for at in range(3)]
        given = [one["start_impact_date"], *filter(None, dates)]
        assert given == sorted(given)


@pytest.mark.parametrize("kind", ["devrev", "datadog", "prodmanager"])
def test_doubles_are_built_by_name(kind: str) -> None:
    """A double is made by its name, with as many incidents as asked for."""
    double = build(kind, incidents=3, seed=4, token="t")
    assert (double.name, len(double.ids()), len(double.records())) == (kind, 3, 3)
