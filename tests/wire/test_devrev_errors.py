"""DevRev's errors: generic messages, types that tell, and what no record is to blame for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import respx

from instep.errors import Denied, Gone, InstepError, Rejected, Unreachable
from instep.systems.devrev import DevRev
from tests.wire.devrev import API, CORE, ID, INCIDENT, answer_writes, made, read
from tests.wire.helpers import MARK
from tests.wire.sockets import listening

BAD = {"message": "Bad Request"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"type": "artifact_already_attached_to_a_parent", "existing_parent": "INC-9"}, "INC-9"),
        ({"type": "bad_request"}, "bad_request"),
        ({"type": "parse_error", "detail": "at byte 7"}, "at byte 7"),
        ({"type": "stale_schema_fragments"}, "stale_schema_fragments"),
        (
            {
                "type": "customization_validation_error",
                "subtype": "enum_out_of_range",
                "field_name": "tnt__x",
                "reason": "not one of them",
            },
            "enum_out_of_range: tnt__x: not one of them",
        ),
        (
            {
                "type": "invalid_enum_value",
                "field_name": "mode",
                "value": "up",
                "allowed_values": ["after", "before"],
            },
            r"mode: up: Bad Request \(allowed: \['after', 'before'\]\)",
        ),
        ({"type": "invalid_field", "field_name": "severities"}, "severities"),
        ({"type": "missing_required_field", "field_name": "title"}, "title"),
        ({"type": "unexpected_id_type", "field_name": "stage", "value": "TAG-1"}, "stage: TAG-1"),
        (
            {
                "type": "unexpected_json_type",
                "field_name": "owned_by",
                "expected": "object",
                "actual": "array",
            },
            "owned_by: object: array",
        ),
        ({"type": "value_not_permitted", "field_name": "limit", "reason": "too many"}, "too many"),
        (
            {
                "type": "missing_dependency",
                "provided_field_name": "tnt__a",
                "dependent_field_name": "tnt__b",
            },
            "tnt__a: tnt__b",
        ),
        ({"debug_message": "only this"}, "only this"),
        ({"type": "invalid_id", "field_name": "owned_by"}, "owned_by"),
    ],
)
async def test_a_400_says_what_is_wrong(
    router: respx.MockRouter, body: dict[str, Any], said: str
) -> None:
    """Messages are generic and may be missing: what is shown is the type and all that it names."""
    router.post(f"{API}/incidents.create").respond(400, json=BAD | body)
    with pytest.raises(Rejected, match=said):
        await made(router, ["title"]).create({"title": "T"}, MARK)


@pytest.mark.parametrize("body", [[], "text", {"allowed_values": 7}, {"type": ["odd"]}, None])
async def test_a_400_of_an_unknown_shape_is_a_refusal(router: respx.MockRouter, body: Any) -> None:
    """Nothing of an error's body is promised: the status alone holds the record."""
    router.post(f"{API}/incidents.create").respond(400, json=body)
    with pytest.raises(Rejected):
        await made(router, ["title"]).create({"title": "T"}, MARK)


async def test_a_text_that_is_too_large_is_held(router: respx.MockRouter) -> None:
    """413 concerns the one record, and is never repeated as it is."""
    body = {"type": "request_entity_too_large", "message": "Request Entity Too Large"}
    route = router.post(f"{API}/incidents.create").respond(413, json=body)
    with pytest.raises(Rejected, match="too_large") as caught:
        await made(router, ["title"]).create({"title": "T"}, MARK)
    assert (route.call_count, caught.value.advice) == (1, "shorten the text")


async def test_a_conflict_is_no_incident(router: respx.MockRouter) -> None:
    """No conflict is documented for incidents: should there be one, the record is held."""
    router.post(f"{API}/incidents.create").respond(409, json={"type": "conflict"})
    with pytest.raises(Rejected, match="conflict"):
        await made(router, ["title"]).create({"title": "T"}, MARK)


@pytest.mark.parametrize("verb", ["get", "list", "create"])
async def test_a_version_that_the_service_does_not_know(
    router: respx.MockRouter, verb: str
) -> None:
    """The sources disagree about the version: a bad one concerns every request, not one record."""
    body = BAD | {"type": "invalid_api_version", "value": "1999-01-01"}
    router.post(f"{API}/incidents.{verb}").respond(400, json=body)
    system = made(router, ["title"], version="1999-01-01")
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "get": partial(system.read, ID),
        "list": partial(system.find, MARK),
        "create": partial(system.create, {"title": "T"}, MARK),
    }
    with pytest.raises(Unreachable, match="1999-01-01") as caught:
        await calls[verb]()
    assert "`version`" in caught.value.advice
    assert not caught.value.unclear


@pytest.mark.parametrize(
    "kind", ["unauthenticated", "token_expired", "token_revoked", "dev_org_deactivated"]
)
async def test_why_a_token_is_refused_is_said(router: respx.MockRouter, kind: str) -> None:
    """A token cannot be renewed by itself: the message says which kind of refusal it was."""
    router.post(f"{API}/incidents.get").respond(401, json={"type": kind, "message": "No"})
    with pytest.raises(Denied, match=kind):
        await made(router, ["title"]).read(ID)


async def test_a_missing_permission_is_not_blamed_on_the_token(router: respx.MockRouter) -> None:
    """401 asks for another token, 403 for a permission or the beta scope: neither for both."""
    route = router.post(f"{API}/incidents.get")
    said = []
    for status in (401, 403):
        route.respond(status, json={"type": "x"})
        with pytest.raises(Denied) as caught:
            await made(router, ["title"]).read(ID)
        said.append(caught.value)
    assert ["make a new one" in one.advice for one in said] == [True, False]
    assert ["`beta: true`" in one.advice for one in said] == [False, True]
    assert "may not do that" in said[1].message


@pytest.mark.parametrize("body", [{"message": "route not found"}, {}, None])
@pytest.mark.parametrize("verb", ["update", "delete"])
async def test_a_404_without_a_type_is_a_wrong_route(
    router: respx.MockRouter, verb: str, body: Any
) -> None:
    """A wrong address must not make incidents gone."""
    system = made(router, ["title"])
    seen = await read(system, router, INCIDENT)
    router.post(f"{API}/incidents.{verb}").respond(404, json=body)
    with pytest.raises(Unreachable) as caught:
        await (system.update(seen, {"title": "T"}) if verb == "update" else system.delete(ID))
    assert "beta" in caught.value.advice
    assert not caught.value.unclear


@pytest.mark.parametrize(
    ("location", "named"),
    [
        (f"{CORE}:incident/99", f"{CORE}:incident/99"),
        (
            "https://api.devrev.ai/incidents.get?id=don%3Acore%3Ax%3Aincident%2F99",
            "don:core:x:incident/99",
        ),
        (None, "its new id"),
        ("http://[::bad", "http://[::bad"),
        ("//x:99999999/", "//x:99999999/"),
    ],
)
async def test_an_id_that_has_moved_is_not_followed(
    router: respx.MockRouter, location: str | None, named: str
) -> None:
    """301 says that the id has changed: a person links the new one, nothing is redirected."""
    headers = {} if location is None else {"Location": location}
    route = router.post(f"{API}/incidents.get").respond(301, headers=headers)
    with pytest.raises(Rejected, match="another id") as caught:
        await made(router, ["title"]).read(ID)
    assert named in caught.value.advice
    assert (location is None) or named in caught.value.message
    assert route.call_count == 1


async def test_a_bare_id_in_place_of_an_address_passes_a_real_connection() -> None:
    """Neither httpx nor aiohttp may take the id for an address: nothing is lost on the way."""
    moved = f"{CORE}:incident/99"
    answer = f"HTTP/1.1 301 Moved\r\nLocation: {moved}\r\nContent-Length: 0\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer.encode())
        await writer.drain()

    async with listening(serve) as port:
        system = DevRev.connect("devrev", ["title"], token="t", url=f"http://127.0.0.1:{port}")
        try:
            with pytest.raises(Rejected, match=moved):
                await system.read(ID)
        finally:
            await system.close()
        assert system.requests == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"type": "not_found"}, Gone),
        (400, {"type": "invalid_id", "field_name": "id"}, Gone),
        (400, {"type": "invalid_id", "field_name": "owned_by"}, Rejected),
        (400, {"type": "invalid_id"}, Rejected),
        (301, {}, Unreachable),
    ],
)
async def test_what_an_unanswered_update_means(
    router: respx.MockRouter, status: int, body: Any, error: type[InstepError]
) -> None:
    """An unknown id is often 400 ``invalid_id``, which in an update may mean another id."""
    system = made(router, ["title"])
    seen = await read(system, router, INCIDENT)
    answer_writes(router).respond(status, json=body)
    with pytest.raises(error):
        await system.update(seen, {"title": "T"})


async def test_the_services_own_reference_is_shown(router: respx.MockRouter) -> None:
    """A 500 carries an id that DevRev's support asks for."""
    body = {"type": "internal_error", "reference_id": "a1b2c3"}
    router.post(f"{API}/incidents.get").respond(500, json=body)
    with pytest.raises(Unreachable, match="a1b2c3"):
        await made(router, ["title"]).read(ID)


@pytest.mark.parametrize("key", ["retry_after", "Retry-After"])
async def test_patience_is_asked_for_in_the_header_or_the_body(
    router: respx.MockRouter, key: str
) -> None:
    """429 names its seconds in either place; a read is asked again."""
    asked: dict[str, Any] = (
        {"json": {"type": "too_many_requests", key: 0}}
        if key == "retry_after"
        else {"headers": {key: "0"}, "json": {}}
    )
    route = router.post(f"{API}/incidents.get")
    route.side_effect = [
        respx.MockResponse(429, **asked),
        respx.MockResponse(json={"incident": INCIDENT}),
    ]
    assert (await made(router, ["title"]).read(ID)).id == ID


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"{}"), (200, b""), (204, b"")], ids=["object", "empty", "204"]
)
async def test_a_delete_is_answered_in_any_way(
    router: respx.MockRouter, status: int, body: bytes
) -> None:
    """The sources disagree about the answer to a delete: any success will do."""
    route = router.post(f"{API}/incidents.delete").respond(status, content=body)
    await made(router, ["title"]).delete(ID)
    assert route.calls.last.request.content == b'{"id":"' + ID.encode() + b'"}'


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [(404, "not_found", Gone), (400, "bad_request", Rejected), (403, "forbidden", Denied)],
)
async def test_a_delete_that_is_refused(
    router: respx.MockRouter, status: int, kind: str, error: type[InstepError]
) -> None:
    """What is not there is gone, and what may not be deleted stays, with the reason."""
    router.post(f"{API}/incidents.delete").respond(status, json={"type": kind})
    with pytest.raises(error, match=kind):
        await made(router, ["title"]).delete(ID)


async def test_an_unsorted_listing_of_unreadable_dates_goes_on(router: respx.MockRouter) -> None:
    """A date that is none costs no listing, and moves no cursor."""
    rows = [INCIDENT | {"modified_date": odd} for odd in ("yesterday", None, 7)]
    router.post(f"{API}/incidents.list").respond(json={"incidents": rows})
    (page,) = [page async for page in made(router, ["title"]).changes(None)]
    assert (len(page.records), page.cursor) == (3, None)
