"""ProdManager on the wire: creates, updates, deletions and comments, and their traps."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from instep.core.model import Mark, Words
from instep.errors import Gone, Rejected, Unreachable
from instep.systems.base import Comment
from tests.wire.helpers import MARK, form
from tests.wire.prodmanager import API, CREATED, incident, made, read, redirect

# Creating


async def test_a_create(router: respx.MockRouter) -> None:
    """Traps 4 and 5: a form with ids, minutes and the mark; the id is where it redirects to."""
    route = redirect(router, "create")
    system = made(router)
    router.get(f"{API}/incident/3").respond(json=incident())
    words: Words = {
        "name": "Disk full",
        "description": None,
        "severity": "critical",
        "status": "resolved",
        "start_impact_date": "2024-02-18T13:19:59",
        "resolve_date": "2024-02-18T15:00",
        "scope": "us-east",
        "service": ("Checkout",),
    }
    written = await system.create(words, MARK)
    assert form(route) == {
        "name": "Disk full",
        "severity": "critical",
        "start_impact_date": "2024-02-18T13:19",
        "scope": "2",
        "service": "2",
        "external_reference": str(MARK),
        "external_link": MARK.url,
    }
    kind = route.calls.last.request.headers["content-type"]
    assert kind == "application/x-www-form-urlencoded"
    assert (written.record.id, written.echo) == ("3", {})
    # The follow-up counts against the service's rate limit, as the redirect followed would.
    assert system.requests == len(router.calls)


@pytest.mark.parametrize(
    ("url", "is_sent"),
    [
        ("http://localhost:8080/a", True),
        ("slack://channel/x", True),
        ("https://a_b.example.org", True),
        ("", False),
        ("example.org/a", False),
        ("javascript:alert(1)", False),
        ("https://[::1]/a", False),
        ("https://user:pass@example.org/", False),
        ("git+ssh://example.org/a", False),
        (" https://example.org/", False),
    ],
)
async def test_a_link_that_would_be_refused_is_left_out(
    router: respx.MockRouter, url: str, is_sent: bool
) -> None:
    """A mark's link is for people; it is no reason for the create to fail."""
    route = redirect(router, "create")
    router.get(f"{API}/incident/3").respond(json=incident())
    await made(router).create({"name": "Disk full"}, Mark("a", "b", "c", url))
    assert ("external_link" in form(route)) is is_sent


@pytest.mark.parametrize(
    ("word", "sent"), [("ab", "ab  "), ("Disk full", "Disk full"), ("a\0b\0cd", "abcd"), (" ", " ")]
)
async def test_a_short_name_is_filled_with_blanks(
    router: respx.MockRouter, word: str, sent: str
) -> None:
    """Trap 17: four characters at least, counted before the blanks at the end are trimmed away.

    So blanks make any name acceptable and are not seen again. NUL, on which the service breaks
    with PostgreSQL, is left out; a name of nothing stays one, to be refused.
    """
    route = redirect(router, "create")
    router.get(f"{API}/incident/3").respond(json=incident())
    await made(router).create({"name": word}, MARK)
    assert form(route)["name"] == sent


async def test_a_500_on_a_write_is_unclear(router: respx.MockRouter) -> None:
    """Trap 5: seen: the incident was there although its create was answered 500."""
    route = router.post(f"{API}/incident/create")
    route.respond(500, json="The server encountered an error.")
    with pytest.raises(Unreachable) as caught:
        await made(router).create({"name": "Disk full"}, MARK)
    assert caught.value.unclear
    assert route.call_count == 1


async def test_a_refused_form_says_every_reason(router: respx.MockRouter) -> None:
    """All fields at once, as the service says them."""
    reasons = {"name": ["Field must be at least 4 characters long."], "scope": ["Required."]}
    body = {"message": "Incident creation failed", "reasons": reasons}
    router.post(f"{API}/incident/create").respond(400, json=body)
    with pytest.raises(Rejected, match=r"name: Field must be at least 4.*scope: Required"):
        await made(router).create({"name": "abc"}, MARK)


async def test_a_reason_of_another_shape_is_shown(router: respx.MockRouter) -> None:
    """Whatever a later version says, it is said of the record that was refused."""
    body = {"message": "m", "reasons": {"name": [1, None], "scope": {"a": 1}, "service": None}}
    router.post(f"{API}/incident/create").respond(400, json=body)
    with pytest.raises(Rejected, match="m; name: 1 None; scope:"):
        await made(router).create({"name": "Disk full"}, MARK)


async def test_a_page_in_place_of_a_reason(router: respx.MockRouter) -> None:
    """The web interface refuses a form without its own token: that is not this record's fault."""
    router.post(f"{API}/incident/create").respond(400, content=b"<html>CSRF")
    with pytest.raises(Unreachable) as caught:
        await made(router).create({"name": "Disk full"}, MARK)
    assert not caught.value.unclear


async def test_an_unknown_name_is_rejected(router: respx.MockRouter) -> None:
    """Trap 18: names are exact; the valid ones are said; they are read again before giving up."""
    system = made(router)
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            await system.create({"name": "Disk full", "service": "checkout"}, MARK)
    assert caught.value.advice.endswith("Checkout, Search")
    assert router["service"].call_count == 2


# Updating


async def test_an_update_sends_everything(router: respx.MockRouter) -> None:
    """Traps 6, 7 and 12: what is left out is emptied or set to now: all but nulls is sent back."""
    route = redirect(router, "3/update")
    system = made(router)
    seen = await read(system, router, incident(description=""))
    await system.update(seen, {"name": "New name", "scope": "us-east"})
    assert form(route) == {
        "name": "New name",
        "description": "",
        "severity": "critical",
        "status": "stable",
        "start_impact_date": "2024-02-18T13:19",
        "investigation_date": "2024-02-18T13:30",
        "stable_date": "2024-02-18T14:00",
        "scope": "2",
        "service": "2",
        "external_reference": str(MARK),
        "external_link": MARK.url,
    }


async def test_a_status_goes_with_its_dates(router: respx.MockRouter) -> None:
    """Trap 12: an incident is resolved with all three dates at once, or earlier ones are lost."""
    route = redirect(router, "3/update")
    system = made(router)
    seen = await read(system, router, incident())
    await system.update(seen, {"status": "resolved", "resolve_date": "2024-02-18T15:00"})
    dates = {key: value for key, value in form(route).items() if key.endswith("_date")}
    assert dates == {
        "start_impact_date": "2024-02-18T13:19",
        "investigation_date": "2024-02-18T13:30",
        "stable_date": "2024-02-18T14:00",
        "resolve_date": "2024-02-18T15:00",
    }


async def test_an_update_empties_by_leaving_out(router: respx.MockRouter) -> None:
    """A text is emptied by leaving it out; a date that would become now is kept instead."""
    route = redirect(router, "3/update")
    system = made(router)
    seen = await read(system, router, incident())
    await system.update(seen, {"description": None, "stable_date": None})
    assert "description" not in form(route)
    assert form(route)["stable_date"] == "2024-02-18T14:00"


async def test_what_is_sent_back_is_not_refused(router: respx.MockRouter) -> None:
    """Years below 1000 are read without zeros and short names trimmed: both would be refused."""
    route = redirect(router, "3/update")
    system = made(router)
    seen = await read(system, router, incident(name="ab", start_impact_date="98-02-18T13:19"))
    await system.update(seen, {"severity": "low"})
    assert form(route)["start_impact_date"] == "0098-02-18T13:19"
    assert form(route)["name"] == "ab  "


async def test_a_write_is_judged_by_what_is_read_back(router: respx.MockRouter) -> None:
    """Traps 8 and 9: what was sent proves nothing; somebody else's write may have mixed with it."""
    redirect(router, "3/update")
    system = made(router)
    seen = await read(system, router, incident())
    router.get(f"{API}/incident/3").respond(json=incident(name="Theirs", severity="low"))
    written = await system.update(seen, {"name": "Ours   "})
    assert system.words(written.record)["name"] == "Theirs"
    assert written.echo == {}


@pytest.mark.parametrize(
    "location",
    [
        "https://status.example.com/login",
        "https://status.example.com/api/incident/4",
        "https://status.example.com/api/incident",
        "https://status.example.com/login?next=/api/incident/3",
        "https://status.example.com/login#/api/incident/3",
    ],
)
async def test_a_redirect_to_elsewhere_is_unclear(router: respx.MockRouter, location: str) -> None:
    """Trap 4: only the path of the incident itself says that it was written."""
    redirect(router, "3/update", location)
    system = made(router)
    seen = await read(system, router, incident())
    with pytest.raises(Unreachable) as caught:
        await system.update(seen, {"name": "New name"})
    assert caught.value.unclear


@pytest.mark.parametrize(
    "location",
    [
        "/api/incident/3",
        "https://status.example.com/api/incident/3?x=/api/incident/9x",
        "http://[::1/api/incident/3",
        "http://xn--a/api/incident/3",
        "http://host:99999/below/api/incident/3",
    ],
)
async def test_a_host_that_is_none_changes_nothing(router: respx.MockRouter, location: str) -> None:
    """The service repeats whatever a proxy calls it; only the path says anything."""
    redirect(router, "3/update", location)
    system = made(router)
    seen = await read(system, router, incident())
    assert (await system.update(seen, {"name": "New name"})).record.id == "3"


# Deleting


async def test_a_deletion_points_to_the_list(router: respx.MockRouter) -> None:
    """It is answered like every write; its body is empty and names no type, which is a 400."""
    route = redirect(router, "3/delete", "http://internal:8080/api/incident")
    await made(router).delete("3")
    request = route.calls.last.request
    assert (request.content, "content-type" in request.headers) == (b"", False)


async def test_a_deletion_that_points_elsewhere_is_unclear(router: respx.MockRouter) -> None:
    """A login page is no sign that anything was deleted."""
    redirect(router, "3/delete", "http://internal:8080/login")
    with pytest.raises(Unreachable) as caught:
        await made(router).delete("3")
    assert caught.value.unclear


async def test_the_reason_of_a_failed_deletion_is_a_text(router: respx.MockRouter) -> None:
    """Where all other reasons are lists."""
    body = {"message": "m", "reasons": {"incident": "Resource not found : 3"}}
    router.post(f"{API}/incident/3/delete").respond(404, json=body)
    with pytest.raises(Gone, match="Resource not found : 3"):
        await made(router).delete("3")


# Comments


def said(text: str, at: str = "2026-11-21T15:40", **more: Any) -> dict[str, Any]:
    """Spell a comment as the history has it."""
    return {"type": "comment", "content": text, "creation_date": at, "internal": True} | more


async def test_comments_are_read_from_the_history(router: respx.MockRouter) -> None:
    """Trap 13: no ids, no authors; two equal ones of a minute are two, and keep their names."""
    system = made(router)
    events = [said("b", internal=False), said("a"), said("b"), said("a"), CREATED]
    router.get(f"{API}/incident/3").respond(json=incident(events=events))
    before = await system.comments("3")
    assert [(one.text, one.internal) for one in before] == [
        ("a", True),
        ("b", True),
        ("a", True),
        ("b", False),
    ]
    assert before[0] == Comment(before[0].id, "a", "2026-11-21T15:40", internal=True)
    later = [said("a", "2026-11-21T15:41"), *events]
    router.get(f"{API}/incident/3").respond(json=incident(events=later))
    after = await system.comments("3")
    assert after[:4] == before
    assert len({one.id for one in after}) == 5


async def test_a_comment_is_internal_on_purpose(router: respx.MockRouter) -> None:
    """Trap 14: by default the public reads it, and ``internal=0`` would be internal as well."""
    route = redirect(router, "3/comment")
    router.get(f"{API}/incident/3").respond(json=incident())
    await made(router).say("3", " kept\r\nas it is ", "a-key")
    assert form(route) == {"comment": " kept\r\nas it is ", "internal": "true"}


async def test_nothing_is_said_to_an_incident_that_is_gone(router: respx.MockRouter) -> None:
    """SQLite answers a comment on no incident as if it worked, and shows it on the next one."""
    route = redirect(router, "3/comment")
    body = {"message": "m", "reasons": {"incident": ["Resource not found : 3"]}}
    router.get(f"{API}/incident/3").respond(404, json=body)
    with pytest.raises(Gone):
        await made(router).say("3", "text", "a-key")
    assert not route.called


async def test_a_blank_comment_is_rejected(router: respx.MockRouter) -> None:
    """The service wants some text, and says so."""
    router.get(f"{API}/incident/3").respond(json=incident())
    body = {"message": "Incident comment failed", "reasons": {"comment": ["Required."]}}
    router.post(f"{API}/incident/3/comment").respond(400, json=body)
    with pytest.raises(Rejected, match="comment: Required"):
        await made(router).say("3", " ", "a-key")


async def test_links_to_other_records_are_not_shown(router: respx.MockRouter) -> None:
    """An incident has one link, which the mark or a field has: nothing is sent."""
    system = made(router)
    await system.link("3", {"datadog": MARK.url})
    assert (system.requests, system.abilities.links) == (0, False)
