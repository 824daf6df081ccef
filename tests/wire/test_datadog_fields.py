"""Fields of Datadog on the wire: each of its incident type, encoded as its kind wants it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx
import structlog

from instep.errors import Denied, Rejected, Unreachable
from tests.wire.datadog import (
    API,
    DEFAULT,
    ID,
    OTHER,
    answer_definitions,
    answer_list,
    answer_types,
    answer_writes,
    incident,
    made,
    read,
)
from tests.wire.helpers import MARK, sent

DEFINITIONS = f"{API}/api/v2/incidents/config/user-defined-fields"
TITLE = ["title"]


def without_reference(number: int = 336599, **attributes: Any) -> dict[str, Any]:
    """Spell an incident of a type that has no reference field."""
    raw = incident(number, **attributes)
    del raw["attributes"]["fields"]["external_reference"]
    return raw


# Kinds


async def test_several_values_for_one(router: respx.MockRouter) -> None:
    """A field that holds one value is not given the first of several."""
    system = made(router)
    seen = await read(system, router, incident())
    with pytest.raises(Rejected, match="one value"):
        await system.update(seen, {"fields.state": ("active", "stable")})


async def test_a_field_type_is_asked_for(router: respx.MockRouter) -> None:
    """A field that no incident has shown is looked up among the definitions, else refused."""
    create, _ = answer_writes(router)
    definitions = router.get(f"{API}/api/v2/incidents/config/user-defined-fields").respond(
        json={
            "data": [
                {"attributes": {"name": "external_reference", "type": 4}},
                {"attributes": {"name": "count", "type": 7}},
            ]
        }
    )
    system = made(router)
    await system.create({"title": "T", "fields.count": 3}, MARK)
    assert sent(create)["data"]["attributes"]["fields"]["count"]["value"] == 3
    assert definitions.call_count == 1
    with pytest.raises(Rejected, match="no incident field 'nope'"):
        await system.create({"title": "T", "fields.nope": 3}, MARK)
    assert create.call_count == 1


async def test_a_field_that_only_another_type_has_is_left_out(router: respx.MockRouter) -> None:
    """Fields are per incident type: what this one lacks is not sent, the rest is."""
    _, patch = answer_writes(router)
    answer_definitions(router, external_reference=4)
    system = made(router)
    region = {"region": {"type": "dropdown", "value": "eu"}}
    await read(system, router, incident(2, incident_type_uuid=OTHER, fields=region))
    seen = await read(system, router, incident())
    with structlog.testing.capture_logs() as events:
        written = await system.update(seen, {"title": "T", "fields.region": "us"})
    assert sent(patch)["data"]["attributes"] == {"title": "T"}
    assert written.echo["fields.region"] is None
    said = [event["path"] for event in events if event["event"] == "name.unknown"]
    assert said == ["fields.region"]


async def test_one_name_may_be_of_two_kinds(router: respx.MockRouter) -> None:
    """The same name on another type may hold one value there, and several here."""
    _, patch = answer_writes(router)
    system = made(router)
    one = {"region": {"type": "dropdown", "value": "eu"}}
    many = {"region": {"type": "multiselect", "value": ["eu"]}}
    await read(system, router, incident(2, incident_type_uuid=OTHER, fields=one))
    seen = await read(system, router, incident(fields=many))
    await system.update(seen, {"fields.region": "us"})
    fields = sent(patch)["data"]["attributes"]["fields"]
    assert fields == {"region": {"type": "multiselect", "value": ["us"]}}


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [(7, 3, 3), (8, "2026-02-03T09:12:00Z", "2026-02-03T09:12:00Z"), (99, ("a", "b"), ["a", "b"])],
)
async def test_kinds_without_a_name_are_written_without(
    router: respx.MockRouter, kind: int, word: Any, value: Any
) -> None:
    """Numbers, dates and kinds to come have no name in the incident model: none is made up."""
    create, _ = answer_writes(router)
    answer_definitions(router, external_reference=4, extra=kind)
    await made(router).create({"title": "T", "fields.extra": word}, MARK)
    assert sent(create)["data"]["attributes"]["fields"]["extra"] == {"value": value}


async def test_a_kind_that_an_incident_shows_is_surer_than_its_definition(
    router: respx.MockRouter,
) -> None:
    """What the incidents call a field is sent back as they call it."""
    create, _ = answer_writes(router)
    answer_definitions(router, external_reference=4, count=7)
    system = made(router)
    await system.create({"title": "T"}, MARK)
    await read(system, router, incident(fields={"count": {"type": "number", "value": 3}}))
    await system.create({"title": "T", "fields.count": 4}, MARK)
    fields = sent(create)["data"]["attributes"]["fields"]
    assert fields["count"] == {"type": "number", "value": 4}


async def test_definitions_are_asked_for_by_type_and_page_number(router: respx.MockRouter) -> None:
    """Pages of definitions have a number, not an offset; those of the default type are asked."""
    create, _ = answer_writes(router)
    full = [{"attributes": {"name": f"f{n}", "type": 3}} for n in range(1000)]
    last = [
        {"attributes": {"name": "external_reference", "type": 3, "deleted": "2026-01-01"}},
        {"attributes": {"name": "external_reference", "type": 4, "deleted": None}},
        {"attributes": {"name": None}},
    ]
    route = router.get(DEFINITIONS)
    route.side_effect = [httpx.Response(200, json={"data": rows}) for rows in (full, last)]
    await made(router).create({"title": "T"}, MARK)
    assert [dict(call.request.url.params) for call in route.calls] == [
        {"page[size]": "1000", "page[number]": number, "filter[incident-type]": DEFAULT}
        for number in ("0", "1")
    ]
    fields = sent(create)["data"]["attributes"]["fields"]
    assert fields["external_reference"]["type"] == "textarray"


async def test_definitions_that_never_end(router: respx.MockRouter) -> None:
    """A service that answers every page with the first one is not asked for ever."""
    rows = [{"attributes": {"name": f"f{n}", "type": 3}} for n in range(1000)]
    route = router.get(DEFINITIONS).respond(json={"data": rows})
    with pytest.raises(Rejected):
        await made(router, incident_type=OTHER).create({"title": "T"}, MARK)
    assert route.call_count == 4


async def test_types_that_may_not_be_listed(router: respx.MockRouter) -> None:
    """Without the default type (OAuth may not list types), fields of any type count."""
    create, _ = answer_writes(router)
    system = made(router, TITLE, bearer="oauth")
    router.get(f"{API}/api/v2/incidents/config/types").respond(403, json={"errors": ["Forbidden"]})
    definitions = answer_definitions(router, external_reference=4)
    await system.create({"title": "T"}, MARK)
    assert create.call_count == 1
    assert "filter[incident-type]" not in dict(definitions.calls.last.request.url.params)


@pytest.mark.parametrize("path", ["types", "user-defined-fields"])
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<html>Sign in</html>"),
        httpx.Response(302, headers={"location": "/login"}),
        httpx.Response(200, json={"data": None}),
        httpx.Response(204),
    ],
)
async def test_settings_that_cannot_be_read_prove_nothing(
    router: respx.MockRouter, path: str, answer: httpx.Response
) -> None:
    """A login page is not a type without fields: the create is tried again, not held."""
    create, _ = answer_writes(router)
    answer_definitions(router, external_reference=4)
    system = made(router, TITLE)
    router.get(f"{API}/api/v2/incidents/config/{path}").mock(return_value=answer)
    with pytest.raises(Unreachable):
        await system.create({"title": "T"}, MARK)
    assert not create.called


async def test_a_configured_type_is_the_one_of_creates(router: respx.MockRouter) -> None:
    """Its definitions are asked for, and it is named in the create."""
    create, _ = answer_writes(router)
    definitions = answer_definitions(router, external_reference=4)
    await made(router, incident_type=OTHER).create({"title": "T"}, MARK)
    assert sent(create)["data"]["attributes"]["incident_type_uuid"] == OTHER
    assert definitions.calls.last.request.url.params["filter[incident-type]"] == OTHER


# The reference field


async def test_nothing_is_made_without_a_reference_field(router: respx.MockRouter) -> None:
    """An incident without its mark could not be found again; a check says what to do about it."""
    create, _ = answer_writes(router)
    router.get(DEFINITIONS).respond(404)
    answer_list(router, [])
    system = made(router, TITLE)
    (warning,) = await system.check()
    assert "'Default' have no field 'external_reference'" in warning
    assert "Property Fields" in warning
    assert "instep check --create-fields" in warning
    with pytest.raises(Rejected, match="external_reference"):
        await system.create({"title": "T"}, MARK)
    assert not create.called


async def test_a_mark_needs_the_field_on_its_own_type(router: respx.MockRouter) -> None:
    """That another type has a reference field helps nothing."""
    create, _ = answer_writes(router)
    answer_definitions(router)
    system = made(router, TITLE, incident_type=OTHER)
    await read(system, router, incident())
    with pytest.raises(Rejected, match=f"on incident type {OTHER}") as caught:
        await system.create({"title": "T"}, MARK)
    assert "--create-fields" in caught.value.advice
    assert not create.called


@pytest.mark.parametrize(("kind", "said"), [(3, "textbox"), (7, "number or date")])
async def test_a_reference_field_of_another_kind(
    router: respx.MockRouter, kind: int, said: str
) -> None:
    """A check warns where the field cannot hold several references."""
    answer_definitions(router, external_reference=kind)
    answer_list(router, [])
    (warning,) = await made(router, TITLE).check()
    assert said in warning


async def test_every_type_in_use_is_checked(router: respx.MockRouter) -> None:
    """Custom fields are per incident type: those of the incidents listed are looked at too."""
    answer_definitions(router)
    answer_list(router, [incident(), without_reference(2, incident_type_uuid=OTHER)])
    (warning,) = await made(router, TITLE).check()
    assert "'Security'" in warning


async def test_a_check_names_mapped_fields_that_are_not_there(router: respx.MockRouter) -> None:
    """What happens to an unknown field is not documented, so a person hears of it beforehand."""
    answer_definitions(router)
    answer_list(router, [incident()])
    (warning,) = await made(router, ["fields.severity", "fields.region"]).check()
    assert "no field 'region'" in warning


async def test_a_check_warns_of_a_sync_of_datadogs_own(router: respx.MockRouter) -> None:
    """A built-in ServiceNow sync is a third writer: a person decides who writes what."""
    answer_list(router, [incident()])
    system = made(router, TITLE)
    answer_types(router, slug_source="servicenow")
    (warning,) = await system.check()
    assert "ServiceNow" in warning
    answer_list(router, [incident()])
    answer_types(router, slug_source="default")
    assert await system.check() == ()


# Making it


async def test_the_field_is_made_where_it_lacks(router: respx.MockRouter) -> None:
    """A text array on each type in use without one, and a sentence for each; then it is there."""
    answer_definitions(router)
    answer_list(router, [without_reference(1), without_reference(2, incident_type_uuid=OTHER)], [])
    make = router.post(DEFINITIONS).respond(201, json={"data": {"id": "1"}})
    system = made(router, TITLE)
    said = await system.prepare()
    assert [("'Security'" in one, "'Default'" in one) for one in said] == [
        (True, False),
        (False, True),
    ]
    assert sent(make, 0) == {
        "data": {
            "type": "user_defined_field",
            "attributes": {"name": "external_reference", "type": 4},
            "relationships": {"incident_type": {"data": {"type": "incident_types", "id": OTHER}}},
        }
    }
    assert await system.prepare() == ()
    assert make.call_count == 2


async def test_making_it_needs_a_permission(router: respx.MockRouter) -> None:
    """A key that may not change settings is told which scope it lacks."""
    answer_definitions(router)
    answer_list(router, [])
    router.post(DEFINITIONS).respond(403, json={"errors": ["Forbidden"]})
    with pytest.raises(Denied) as caught:
        await made(router, TITLE).prepare()
    assert "incident_settings_write" in caught.value.advice


async def test_making_it_may_be_refused(router: respx.MockRouter) -> None:
    """A field that the service does not want is made by hand."""
    answer_definitions(router)
    answer_list(router, [])
    body = {"errors": [{"status": "400", "title": "Bad Request", "detail": "name is taken"}]}
    router.post(DEFINITIONS).respond(400, json=body)
    with pytest.raises(Unreachable, match="name is taken") as caught:
        await made(router, TITLE).prepare()
    assert "by hand" in caught.value.advice
    assert not caught.value.unclear


async def test_odd_fields_are_no_reason_to_stop(router: respx.MockRouter) -> None:
    """An incident whose fields are of no known shape is read all the same."""
    system = made(router)
    raw = incident()
    raw["attributes"]["fields"] = ["?"]
    record = await read(system, router, raw)
    assert record.id == ID
    assert system.words(record)["fields.state"] is None
