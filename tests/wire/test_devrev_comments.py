"""DevRev's comments: entries of a timeline that mixes them with changes and tombstones."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from instep.errors import Gone, InstepError, Rejected, Unreachable
from instep.systems.base import Comment
from tests.wire.devrev import API, ID, made
from tests.wire.helpers import sent

KEY = "datadog:comment:99"


def entry(number: int, **more: Any) -> dict[str, Any]:
    """Make a comment as the service shows it."""
    return {
        "type": "timeline_comment",
        "id": f"{ID}:comment/{number}",
        "object": ID,
        "body": f"Said {number}.",
        "visibility": "internal",
        "created_date": f"2026-02-03T09:5{number}:47.497205Z",
        "created_by": {"type": "dev_user", "email": "Ana@Example.com"},
    } | more


def timeline(router: respx.MockRouter, *pages: dict[str, Any]) -> respx.Route:
    """Answer the timeline with pages in turn."""
    route = router.post(f"{API}/timeline-entries.list")
    route.side_effect = [respx.MockResponse(json=page) for page in pages]
    return route


async def test_comments_are_read_to_the_last_page(router: respx.MockRouter) -> None:
    """An empty page may have a cursor; nothing is sorted by the service."""
    route = timeline(
        router,
        {"timeline_entries": [entry(3, external_ref=KEY)], "next_cursor": "a"},
        {"timeline_entries": [], "next_cursor": "b"},
        {"timeline_entries": [entry(1)]},
    )
    assert await made(router).comments(ID) == [
        Comment(f"{ID}:comment/1", "Said 1.", "2026-02-03T09:51:47.497205Z", "ana@example.com"),
        Comment(
            f"{ID}:comment/3",
            "Said 3.",
            "2026-02-03T09:53:47.497205Z",
            "ana@example.com",
            key=KEY,
        ),
    ]
    asked = {"object": ID, "collections": ["discussions"], "limit": 100}
    assert [sent(route, n) for n in range(3)] == [
        asked,
        asked | {"cursor": "a"},
        asked | {"cursor": "b"},
    ]


async def test_changes_and_tombstones_are_no_comments(router: respx.MockRouter) -> None:
    """Change events share the list, and a deleted comment stays as an entry without a body."""
    gone = {key: value for key, value in entry(2).items() if key != "body"}
    change = {"type": "timeline_change_event", "id": "x", "event": {"type": "updated"}}
    entries = [gone, entry(3, body=""), change, None, entry(4, body=7), entry(5)]
    timeline(router, {"timeline_entries": entries})
    assert [one.text for one in await made(router).comments(ID)] == ["Said 5."]


@pytest.mark.parametrize(
    ("visibility", "internal"),
    [
        ("private", True),
        ("internal", True),
        ("external", False),
        ("public", False),
        ("brand_new", False),
        (None, False),
    ],
)
async def test_who_can_read_a_comment(
    router: respx.MockRouter, visibility: str | None, internal: bool
) -> None:
    """What does not say who reads it is for customers too, as the default is."""
    timeline(router, {"timeline_entries": [entry(1, visibility=visibility, created_by=None)]})
    (found,) = await made(router).comments(ID)
    assert (found.internal, found.author) == (internal, "")


async def test_comments_are_read_though_the_incident_did_not_move(
    router: respx.MockRouter,
) -> None:
    """A comment may leave ``modified_date`` alone: they are asked for by incident."""
    timeline(router, {"timeline_entries": [entry(1)]}, {"timeline_entries": [entry(1), entry(2)]})
    system = made(router)
    assert system.abilities.comments
    assert [len(await system.comments(ID)) for _ in range(2)] == [1, 2]
    assert not any("incidents." in str(call.request.url) for call in router.calls)


async def test_a_limit_that_is_too_large_is_left_to_the_service(router: respx.MockRouter) -> None:
    """How many entries a page may have is not documented: refused once, none is asked for."""
    refused = {"type": "value_not_permitted", "field_name": "limit"}
    route = router.post(f"{API}/timeline-entries.list")
    route.side_effect = [
        respx.MockResponse(400, json=refused),
        respx.MockResponse(json={"timeline_entries": [entry(1)]}),
    ]
    assert len(await made(router).comments(ID)) == 1
    assert ["limit" in sent(route, n) for n in range(2)] == [True, False]


async def test_a_date_that_cannot_be_read_comes_first(router: respx.MockRouter) -> None:
    """An odd or missing date costs no comment."""
    entries = [entry(1), entry(2, created_date="soon"), entry(3, created_date=None)]
    timeline(router, {"timeline_entries": entries})
    said = [one.text for one in await made(router).comments(ID)]
    assert said == ["Said 2.", "Said 3.", "Said 1."]


async def test_a_comment_is_for_the_organisation_only(router: respx.MockRouter) -> None:
    """The default is customer-visible and cannot be changed later: visibility is always sent."""
    route = router.post(f"{API}/timeline-entries.create").respond(201, json={"timeline_entry": {}})
    await made(router).say(ID, "Rolled back.", KEY)
    assert sent(route) == {
        "type": "timeline_comment",
        "object": ID,
        "body": "Rolled back.",
        "body_type": "text",
        "visibility": "internal",
        "external_ref": KEY,
    }


async def test_a_comment_that_is_there_is_not_added_again(router: respx.MockRouter) -> None:
    """The key is unique in a timeline: a conflict means that it was said before."""
    route = router.post(f"{API}/timeline-entries.create")
    route.respond(409, json={"type": "conflict", "message": "Conflict"})
    await made(router).say(ID, "Rolled back.", KEY)
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"type": "not_found"}, Gone),
        (400, {"type": "invalid_id", "field_name": "object"}, Gone),
        (400, {"type": "invalid_field", "field_name": "labels"}, Rejected),
        (413, {"type": "request_entity_too_large"}, Rejected),
        (404, {"message": "route not found"}, Unreachable),
    ],
)
async def test_a_comment_that_is_refused(
    router: respx.MockRouter, status: int, body: Any, error: type[InstepError]
) -> None:
    """The incident is gone only in the service's own words; else the comment alone is held."""
    router.post(f"{API}/timeline-entries.create").respond(status, json=body)
    router.post(f"{API}/timeline-entries.list").respond(status, json=body)
    system = made(router)
    with pytest.raises(error):
        await system.say(ID, "Rolled back.", KEY)
    with pytest.raises(error):
        await system.comments(ID)


async def test_a_comment_without_an_answer_is_unclear(router: respx.MockRouter) -> None:
    """It is sent once; saying it again is safe, since its key is kept."""
    route = router.post(f"{API}/timeline-entries.create").respond(503, json={})
    with pytest.raises(Unreachable) as caught:
        await made(router).say(ID, "Rolled back.", KEY)
    assert (caught.value.unclear, route.call_count) == (True, 1)


async def test_links_are_not_offered(router: respx.MockRouter) -> None:
    """DevRev's links join its own objects only: nothing is sent for another system's."""
    system = made(router)
    assert not system.abilities.links
    await system.link(ID, {"datadog IR-1": "https://app.datadoghq.com/incidents/1"})
    assert system.requests == 0
