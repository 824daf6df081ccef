"""DevRev's people, parts and tags: names on one side, ids on the other, lists written whole."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import respx
import structlog

from instep.core.model import Words
from instep.errors import Rejected
from tests.wire.devrev import (
    API,
    CORE,
    INCIDENT,
    USER,
    answer_names,
    answer_writes,
    bodies,
    made,
    read,
)
from tests.wire.helpers import MARK, sent


def person(number: int, email: str, **more: Any) -> dict[str, Any]:
    """Make a user."""
    return {"type": "dev_user", "id": f"{USER}/{number}", "email": email, "state": "active"} | more


def answers(router: respx.MockRouter, route: str, *pages: dict[str, Any]) -> respx.Route:
    """Answer a route with pages in turn."""
    found = router.post(f"{API}/{route}")
    found.side_effect = [respx.MockResponse(json=page) for page in pages]
    return found


async def test_emails_are_compared_in_lower_case(router: respx.MockRouter) -> None:
    """Whether the service minds the case of an e-mail is not documented: instep does not."""
    answer_names(router)
    system = made(router)
    seen = await read(system, router, INCIDENT)
    route = answer_writes(router)
    await system.update(seen, {"owned_by": ("ANA@EXAMPLE.COM", "Ben@Example.com")})
    assert sent(route)["owned_by"] == {"set": [f"{USER}/0", f"{USER}/7", f"{USER}/8"]}


async def test_a_filter_that_minds_the_case_is_walked_around(router: respx.MockRouter) -> None:
    """Who is not found by e-mail is looked for among all users, page by page, and remembered."""
    pages: list[dict[str, Any]] = [
        {"dev_users": []},
        {"dev_users": [person(3, "Zoe@Example.com")], "next_cursor": "a"},
        {"dev_users": [], "next_cursor": "b"},
        {"dev_users": [person(4, "YAN@example.com"), person(5, "")]},
        {"dev_users": []},
    ]
    route = answers(router, "dev-users.list", *pages)
    answer_writes(router)
    system = made(router)
    await system.create({"title": "T", "owned_by": ("yan@example.com",)}, MARK)
    assert bodies(router, "incidents.create")[-1]["owned_by"] == [f"{USER}/4"]
    everybody = {"state": ["active"], "limit": 100}
    assert [sent(route, n) for n in range(4)] == [
        everybody | {"email": ["yan@example.com"]},
        everybody,
        everybody | {"cursor": "a"},
        everybody | {"cursor": "b"},
    ]
    await system.create({"title": "T", "owned_by": ("zoe@example.com",)}, MARK)
    assert bodies(router, "incidents.create")[-1]["owned_by"] == [f"{USER}/3"]
    assert route.call_count == 4
    # Somebody unknown is asked for by e-mail again, but all users are not walked again.
    await system.create({"title": "T", "owned_by": ("nobody@example.com",)}, MARK)
    assert route.call_count == 5


async def test_all_users_are_walked_once_for_many_writes(router: respx.MockRouter) -> None:
    """Writes go out side by side, and each may name somebody unknown: one walk does for all."""

    async def slow(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return httpx.Response(200, json={"dev_users": []})

    router.post(f"{API}/dev-users.list").mock(side_effect=slow)
    answer_writes(router)
    system = made(router)
    words: list[Words] = [{"title": "T", "owned_by": (f"u{n}@example.com",)} for n in range(5)]
    await asyncio.gather(*(system.create(each, MARK) for each in words))
    walks = [body for body in bodies(router, "dev-users.list") if "email" not in body]
    assert len(walks) == 1


@pytest.mark.parametrize(
    ("status", "body"), [(403, {"type": "forbidden"}), (404, {"message": "route not found"})]
)
async def test_names_that_may_not_be_looked_up_cost_their_record_only(
    router: respx.MockRouter, status: int, body: dict[str, Any]
) -> None:
    """A token may lack the right to list users: what names none is written all the same."""
    router.post(f"{API}/dev-users.list").respond(status, json=body)
    answer_writes(router)
    system = made(router)
    with pytest.raises(Rejected, match=f"dev-users.list.*{body.popitem()[1]}") as caught:
        await system.create({"title": "T", "owned_by": ("zoe@example.com",)}, MARK)
    assert "do not map owned_by" in caught.value.advice
    await system.create({"title": "T"}, MARK)
    assert [body["title"] for body in bodies(router, "incidents.create")] == ["T"]


async def test_what_has_no_id_cannot_be_named(router: respx.MockRouter) -> None:
    """An entry of a list without an id is passed over: nothing is written in its place."""
    tags = [{"name": "p1"}, {"id": None, "name": "p1"}, {"id": "don:3", "name": "p1"}]
    answers(router, "tags.list", {"tags": tags})
    answers(router, "dev-users.list", *[{"dev_users": [{"email": "zoe@example.com"}]}] * 2)
    answer_writes(router)
    words: Words = {"title": "T", "tags": ("p1",), "owned_by": ("zoe@example.com",)}
    await made(router).create(words, MARK)
    body = sent(router.post(f"{API}/incidents.create"))
    assert body["tags"] == [{"tag_id": "don:3"}]
    assert "owned_by" not in body


async def test_a_whole_listing_lets_users_be_walked_again(router: respx.MockRouter) -> None:
    """People join an organisation: who was unknown is looked for anew from time to time."""
    route = answers(router, "dev-users.list", *[{"dev_users": []}] * 4)
    router.post(f"{API}/incidents.list").respond(json={"incidents": []})
    answer_writes(router)
    system = made(router)
    for _ in range(2):
        await system.create({"title": "T", "owned_by": ("zoe@example.com",)}, MARK)
        [page async for page in system.changes(None)]
    assert route.call_count == 4


async def test_who_left_stays_on_the_record(router: respx.MockRouter) -> None:
    """Owners are kept by id: deactivated users, and those that are no people, are not looked up."""
    answer_names(router)
    owners = [
        person(6, "eve@example.com", state="deactivated"),
        {"type": "service_account", "id": f"{USER}/9", "display_name": "bot"},
    ]
    system = made(router)
    seen = await read(system, router, INCIDENT | {"owned_by": owners})
    assert system.words(seen)["owned_by"] == ("eve@example.com",)
    route = answer_writes(router)
    await system.update(seen, {"owned_by": ("ben@example.com", "eve@example.com")})
    assert sent(route)["owned_by"] == {"set": [f"{USER}/9", f"{USER}/8", f"{USER}/6"]}
    looked = router.post(f"{API}/dev-users.list")
    assert [sent(looked, n)["email"] for n in range(looked.call_count)] == [["ben@example.com"]]


async def test_an_owner_nobody_knows_does_not_empty_the_list(router: respx.MockRouter) -> None:
    """One who is known is set, one who is not is left out and told of."""
    answer_names(router)
    system = made(router)
    seen = await read(system, router, INCIDENT)
    route = answer_writes(router)
    with structlog.testing.capture_logs() as events:
        await system.update(seen, {"owned_by": ("ben@example.com", "zoe@example.com")})
    assert sent(route)["owned_by"] == {"set": [f"{USER}/0", f"{USER}/8"]}
    assert [event["name"] for event in events if event["event"] == "name.unknown"] == [
        "zoe@example.com"
    ]


async def test_parts_and_tags_are_looked_up_to_the_last_page(router: respx.MockRouter) -> None:
    """Names of parts are not unique, so what is looked for may be on the second page."""
    other = [{"id": f"{CORE}:runnable/{n}", "name": "search"} for n in (6, 7)]
    parts = answers(
        router,
        "parts.list",
        {"parts": other, "next_cursor": "a"},
        {"parts": [{"id": f"{CORE}:runnable/8", "name": "pay"}]},
    )
    answers(
        router,
        "tags.list",
        {"tags": [], "next_cursor": "a"},
        {"tags": [{"id": f"{CORE}:tag/3", "name": "p1"}]},
    )
    answer_writes(router)
    words: Words = {"title": "T", "applies_to_parts": ("pay", "search"), "tags": ("p1",)}
    await made(router).create(words, MARK)
    body = sent(router.post(f"{API}/incidents.create"))
    assert body["applies_to_parts"] == [f"{CORE}:runnable/8", f"{CORE}:runnable/6"]
    assert body["tags"] == [{"tag_id": f"{CORE}:tag/3"}]
    assert sent(parts)["cursor"] == "a"


async def test_two_of_one_name_are_both_kept(router: respx.MockRouter) -> None:
    """Lists are replaced whole: two parts of one name, or a tag with two values, both stay."""
    answer_names(router)
    raw = INCIDENT | {
        "applies_to_parts": [{"id": f"{CORE}:runnable/{n}", "name": "search"} for n in (6, 7)],
        "tags": [
            {"tag": {"id": f"{CORE}:tag/9", "name": "region"}, "value": value}
            for value in ("eu", "us")
        ],
    }
    system = made(router)
    seen = await read(system, router, raw)
    route = answer_writes(router, raw)
    await system.update(seen, {"applies_to_parts": ("search",), "tags": ("p1", "region")})
    assert sent(route)["applies_to_parts"] == {"set": [f"{CORE}:runnable/6", f"{CORE}:runnable/7"]}
    assert sent(route)["tags"] == {
        "set": [
            {"tag_id": f"{CORE}:tag/3"},
            {"tag_id": f"{CORE}:tag/9", "value": "eu"},
            {"tag_id": f"{CORE}:tag/9", "value": "us"},
        ]
    }
