"""Which paths a service has: what is written, what is only read, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import respx

from instep.config.presets import preset
from instep.core.model import Word, Words
from instep.core.paths import Places
from instep.errors import ConfigError
from instep.systems import datadog as dd
from instep.systems import devrev as dr
from instep.systems import prodmanager as pm
from tests.wire import datadog, devrev, prodmanager
from tests.wire.helpers import MARK, sent

PAGE = Path(__file__).parents[2] / "docs/reference/systems.md"
PLACES = Places(frozenset({"title", "owners"}), frozenset({"owners", "made"}), frozenset({"more"}))
CONNECT: dict[str, Callable[[list[str]], Any]] = {
    "devrev": lambda paths: dr.DevRev.connect("s", paths, token="t"),
    "datadog": lambda paths: dd.Datadog.connect("s", paths, api_key="a", app_key="b"),
    "prodmanager": lambda paths: pm.ProdManager.connect("s", paths, token="t", url="http://s"),
}
OF = {"devrev": dr.PLACES, "datadog": dd.PLACES, "prodmanager": pm.PLACES}
DEVREV = devrev.INCIDENT | {
    "created_by": {"type": "dev_user", "display_name": "ana", "email": "Ana@example.com"},
    "stage": {
        "stage": {"id": "don:41", "name": "acknowledged"},
        "state": {"name": "in_progress", "is_final": False},
    },
    "custom_fields": {
        "tnt__map": {"eu": [{"name": "Paris"}, {"name": "Lyon"}], "n": 3},
        "tnt__odd.name": "odd",
        "tnt__level": [2, 1],
    },
}
LEVELS = [{"id": 1, "label": "low"}, {"id": 2, "label": "high"}]
SCHEMA: dict[str, Any] = {
    "custom_fields": [
        {
            "name": "tnt__level",
            "field_type": "array",
            "base_type": "uenum",
            "allowed_values": LEVELS,
        }
    ]
}


# The language of places


@pytest.mark.parametrize(
    ("path", "has", "writes"),
    [
        ("title", True, True),
        ("owners", True, True),
        ("owners[0].email", True, False),
        ("made", True, False),
        ("made.by", True, False),
        ("more.region", True, True),
        ('more["eu.west"]', True, True),
        ("more.region.name", True, False),
        ("more.regions[0]", True, False),
        ("title.text", False, False),
        ("more", False, False),
        ("more[0]", False, False),
        ("titel", False, False),
        ("made..by", False, False),
    ],
)
def test_a_path_is_written_or_read_or_refused(path: str, has: bool, writes: bool) -> None:
    """Whole places are written, names below some too; what lies deeper is only read."""
    assert PLACES.has(path) == has
    assert (path not in PLACES.only_read([path])) == writes


@pytest.mark.parametrize("service", OF)
def test_every_place_that_is_listed_can_be_used(service: str) -> None:
    """What a service says that it has, its connector takes: to write, to read, below a name."""
    places = OF[service]
    read = {f"{one}.x[0]" for one in places.read} | places.read - places.write
    deeper = {f"{one}.name.x" for one in places.under}
    names = {f"{one}.name" for one in places.under}
    system = CONNECT[service](sorted(places.write | read | deeper | names))
    assert system.abilities.read_only >= read | deeper
    assert system.abilities.read_only & (places.write | names) <= {"declared", "resolved"}


@pytest.mark.parametrize("service", OF)
def test_the_page_of_systems_lists_every_place(service: str) -> None:
    """The table of paths names what the connector has, and nothing else."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    (row,) = (one for one in lines if one.startswith(f"| `{service}` | `"))
    written, below, read = (set(re.findall(r"`(\w+)`", cell)) for cell in row.split("|")[2:5])
    assert Places(frozenset(written), frozenset(read), frozenset(below)) == OF[service]


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("devrev", "titel"),
        ("devrev", "title.x"),
        ("devrev", "custom_fields"),
        ("devrev", "custom_fields[0]"),
        ("devrev", "sync_metadata.external_reference"),
        ("datadog", "fields"),
        ("datadog", "severity"),
        ("datadog", "commander.email"),
        ("datadog", "attributes.title"),
        ("prodmanager", "events[0].content"),
        ("prodmanager", "links.self"),
        ("prodmanager", "service.name"),
        ("prodmanager", "name..x"),
    ],
)
def test_what_no_record_has_is_refused(service: str, path: str) -> None:
    """A typo, a place for marks and a place that would never be the same are no paths."""
    with pytest.raises(ConfigError) as caught:
        CONNECT[service]([path])
    assert repr(path) in caught.value.problems[0].message


# Reading


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("custom_fields.tnt__map.eu[0].name", "Paris"),
        ("custom_fields.tnt__map.eu[-1].name", "Lyon"),
        ("custom_fields.tnt__map.eu[7].name", None),
        ("custom_fields.tnt__map.n", 3),
        ("custom_fields.tnt__map.eu", ('{"name":"Lyon"}', '{"name":"Paris"}')),
        ('custom_fields["tnt__odd.name"]', "odd"),
        ("custom_fields.tnt__level[0]", "high"),
        ("applies_to_parts[0].name", "checkout-api"),
        ("owned_by[0].type", "dev_user"),
        ("tags[0].value", "eu"),
        ("created_by.email", "Ana@example.com"),
        ("created_by.nothing", None),
        ("created_date", "2026-02-03T09:15:01.207Z"),
        ("display_id", "INC-12"),
        ("severity", "sev-1"),
        ("severity.id", 2),
        ("stage.state.is_final", False),
        ("stage.notes", None),
    ],
)
async def test_inside_a_devrev_incident(router: respx.MockRouter, path: str, word: Word) -> None:
    """Steps lead through objects and lists to one plain word; where they break there is none."""
    system = devrev.made(router, [path], schema=SCHEMA)
    assert system.words(await devrev.read(system, router, DEVREV)) == {path: word}


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("fields.services[0]", "b"),
        ("fields.services[2]", None),
        ('fields["odd.name"]', "odd"),
        ("fields.odd.name", None),
        ("fields.map.eu.name", "Paris"),
        ("fields.external_reference", ("TICKET-1",)),
        ("fields.external_reference[0]", "TICKET-1"),
        ("fields.external_reference[1]", None),
        ("public_id", 336599),
        ("created", "2026-02-16T09:47:35.513888+00:00"),
        ("customer_impacted", False),
        ("notification_handles[0].handle", "@ana"),
        ("visibility", "organization"),
    ],
)
async def test_inside_a_datadog_incident(router: respx.MockRouter, path: str, word: Word) -> None:
    """Below a field stands its value; marks among the references are nowhere."""
    fields = {
        "odd.name": {"type": "textbox", "value": "odd"},
        "map": {"type": "textbox", "value": {"eu": {"name": "Paris"}}},
    }
    raw = datadog.incident(fields=fields, notification_handles=[{"handle": "@ana"}])
    system = datadog.made(router, [path])
    assert system.words(await datadog.read(system, router, raw)) == {path: word}


async def test_what_prodmanager_shows_beside(router: respx.MockRouter) -> None:
    """An incident is flat: its number and the minute that it was made in can be read."""
    system = prodmanager.made(router, paths=["id", "creation_date"])
    seen = await prodmanager.read(system, router, prodmanager.incident())
    assert system.words(seen) == {"id": 3, "creation_date": "2026-11-21T15:39"}


# Writing


async def test_a_quoted_custom_field_is_written(router: respx.MockRouter) -> None:
    """A name with dots goes into the request as the service has it; what lies deeper does not."""
    path = 'custom_fields["tnt__odd.name"]'
    system = devrev.made(router, ["title", path, "custom_fields.tnt__map.n", "created_by.email"])
    seen = await devrev.read(system, router, DEVREV)
    route = devrev.answer_writes(router, DEVREV)
    words: Words = {path: "even", "custom_fields.tnt__map.n": 4, "created_by.email": "x@y.example"}
    written = await system.update(seen, words)
    assert sent(route)["custom_fields"] == {"tnt__odd.name": "even"}
    assert sent(route).keys() == {"id", "custom_fields", "custom_schema_spec", "sync_metadata"}
    assert written.echo[path] == "odd"
    assert path in system.abilities.keeps
    assert system.abilities.read_only >= words.keys() - {path}


async def test_a_quoted_field_is_written(router: respx.MockRouter) -> None:
    """A name with dots goes into the request as the service has it; what lies deeper does not."""
    path = 'fields["odd.name"]'
    raw = datadog.incident(fields={"odd.name": {"type": "dropdown", "value": "odd"}})
    system = datadog.made(router, ["title", path, "fields.services[0]", "public_id"])
    _, patch = datadog.answer_writes(router)
    seen = await datadog.read(system, router, raw)
    await system.update(seen, {path: "even", "fields.services[0]": "x", "public_id": 1})
    fields = {"odd.name": {"type": "dropdown", "value": "even"}}
    assert sent(patch)["data"]["attributes"] == {"fields": fields}


async def test_a_quoted_reference_field_keeps_its_mark(router: respx.MockRouter) -> None:
    """However a path spells the field of the marks, what is written there holds the mark, too."""
    path = 'fields["external_reference"]'
    system = datadog.made(router, [path])
    _, patch = datadog.answer_writes(router)
    seen = await datadog.read(system, router, datadog.incident())
    await system.update(seen, {path: ("TICKET-2",)})
    field = sent(patch)["data"]["attributes"]["fields"]["external_reference"]
    assert field["value"] == ["TICKET-2", str(MARK)]


def test_a_devrev_reference_is_nobody_elses_field(router: respx.MockRouter) -> None:
    """However a path spells the field of the marks, and however deep it goes, it is refused."""
    reference = "custom_fields.tnt__reference"
    for path in (reference, 'custom_fields["tnt__reference"]', f"{reference}[0]"):
        with pytest.raises(ConfigError):
            devrev.made(router, [path], reference=reference)


# What the service sets by itself


def test_what_every_write_moves_is_no_edit(router: respx.MockRouter) -> None:
    """The time of the last change moves with each write of ours, which is nobody's edit."""
    one = devrev.made(router, ["title", "severity", "modified_date", "created_by.email"]).abilities
    assert one.moves["modified_date"] == {"title", "severity"}
    assert one.stamps == {"modified_date", "created_by.email"}
    other = datadog.made(router, ["title", "fields.x", "modified", "created", "fields.x[0]"])
    assert other.abilities.moves["modified"] == {"title", "fields.x"}
    assert other.abilities.stamps == {"modified", "created", "detected", "declared"}
    third = prodmanager.made(router, paths=["name", "creation_date"]).abilities
    assert third.stamps == {"creation_date"}


async def test_an_answer_of_datadog_says_nothing_of_what_is_only_read(
    router: respx.MockRouter,
) -> None:
    """It leaves out who made an incident, which a read shows: no echo is taken of it."""
    system = datadog.made(router, ["title", "created_by_uuid", "modified"])
    datadog.answer_writes(router)
    seen = await datadog.read(system, router, datadog.incident())
    written = await system.update(seen, {"title": "T"})
    assert written.echo.keys() == {"title"}


@pytest.mark.parametrize("service", OF)
def test_a_configuration_is_checked_by_the_places_that_there_are(service: str) -> None:
    """The table that the presets keep, by which a path is checked, is the connector's own."""
    assert preset(service).places == OF[service]
