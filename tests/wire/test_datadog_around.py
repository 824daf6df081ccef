"""Around Datadog's incidents: links, deletion, comments and who may do what."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx

from instep.errors import Denied, Gone, Rejected, Unreachable
from tests.wire.datadog import API, BEN, ID, answer_writes, incident, made, read, user
from tests.wire.helpers import sent

ATTACHMENTS = f"{API}/api/v2/incidents/{ID}/attachments"
ONE = f"{API}/api/v2/incidents/{ID}"
TICKET = "https://app.devrev.ai/acme/works/INC-12"
STATUS = "https://status.example.com/incident/7"


def link(url: str, title: str = "devrev INC-12") -> dict[str, Any]:
    """Spell a link attachment as the list does."""
    about = {
        "attachment": {"title": title, "documentUrl": url},
        "attachment_type": "link",
        "modified": "2026-02-23T14:06:33.732994Z",
    }
    return {"id": "77ff4d10", "type": "incident_attachments", "attributes": about}


# Links


async def test_links_that_are_missing_are_attached(router: respx.MockRouter) -> None:
    """Each URL once: what is there under another title stays as people named it."""
    listed = router.get(ATTACHMENTS).respond(json={"data": [link(TICKET, "our ticket")]})
    attach = router.post(ATTACHMENTS).respond(201, json={"data": link(STATUS)})
    system = made(router, link_attachments=True)
    assert system.abilities.links
    await system.link(ID, {"devrev INC-12": TICKET, "status 7": STATUS, "again": STATUS})
    assert dict(listed.calls.last.request.url.params) == {"filter[attachment_type]": "2"}
    assert attach.call_count == 1
    assert sent(attach) == {
        "data": {
            "type": "incident_attachments",
            "attributes": {
                "attachment_type": "link",
                "attachment": {"title": "status 7", "documentUrl": STATUS},
            },
        }
    }


async def test_the_same_links_again_write_nothing(router: respx.MockRouter) -> None:
    """What is attached already is not attached again, whatever else stands there."""
    odd = [None, {}, {"attributes": {"attachment": {"documentUrl": ["?"]}}}]
    router.get(ATTACHMENTS).respond(json={"data": [*odd, link(TICKET)]})
    attach = router.post(ATTACHMENTS).respond(201)
    await made(router).link(ID, {"devrev INC-12": TICKET})
    assert not attach.called


def test_links_are_not_attached_unasked(router: respx.MockRouter) -> None:
    """Each costs a request, so they are switched on by a person."""
    assert not made(router).abilities.links


@pytest.mark.parametrize(
    ("detail", "error"),
    [("incident not found", Gone), ("malformed incident ID", Unreachable)],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_malformed_id_is_not_gone(
    router: respx.MockRouter, method: str, detail: str, error: type[Exception]
) -> None:
    """Attachments answer both with 404 and in the second family of errors: only one is absence."""
    body = {"errors": [{"title": "Generic Error", "detail": detail}]}
    router.get(ATTACHMENTS).respond(json={"data": []})
    router.route(method=method, url=ATTACHMENTS).respond(404, json=body)
    with pytest.raises(error, match=detail):
        await made(router).link(ID, {"devrev INC-12": TICKET})


# Deletion


async def test_a_delete(router: respx.MockRouter) -> None:
    """204 has an empty body, of type HTML; a second one finds nothing."""
    delete = router.delete(ONE)
    delete.side_effect = [
        httpx.Response(204, headers={"content-type": "text/html; charset=utf-8"}),
        httpx.Response(404, json={"errors": [f"incident {ID} not found"]}),
    ]
    system = made(router)
    await system.delete(ID)
    with pytest.raises(Gone):
        await system.delete(ID)


@pytest.mark.parametrize("status", [400, 403])
async def test_deleting_is_off_unless_switched_on(router: respx.MockRouter, status: int) -> None:
    """What is answered then is not documented: either way one record is refused, with advice."""
    router.get(ONE).respond(json={"data": incident()})
    router.delete(ONE).respond(status, json={"errors": ["not enabled"]})
    with pytest.raises(Rejected) as caught:
        await made(router).delete(ID)
    assert "credentials" not in caught.value.message
    assert "setting of the incident type" in caught.value.advice


@pytest.mark.parametrize("status", [401, 403])
async def test_keys_that_are_refused_are_no_setting(router: respx.MockRouter, status: int) -> None:
    """Where the incident cannot be read either, nothing follows for the one record."""
    router.get(ONE).respond(status, json={"errors": ["Unauthorized"]})
    router.delete(ONE).respond(status, json={"errors": ["Unauthorized"]})
    with pytest.raises(Denied):
        await made(router).delete(ID)


async def test_a_web_page_deletes_nothing(router: respx.MockRouter) -> None:
    """A login page may answer 200 in place of the service, which answers 204."""
    router.delete(ONE).respond(200, html="<html>Sign in</html>")
    with pytest.raises(Unreachable) as caught:
        await made(router).delete(ID)
    assert caught.value.unclear


async def test_another_404_does_not_mean_deleted(router: respx.MockRouter) -> None:
    """A route that is not there says nothing about the incident."""
    router.delete(ONE).respond(404, json={"errors": [{"status": "404", "title": "Not Found"}]})
    with pytest.raises(Unreachable):
        await made(router).delete(ID)


# Comments


async def test_comments_are_not_offered(router: respx.MockRouter) -> None:
    """The published API has no timeline: nothing is sent, and whoever asks is told."""
    system = made(router)
    assert not system.abilities.comments
    with pytest.raises(Rejected, match="timeline"):
        await system.comments(ID)
    with pytest.raises(Rejected, match="timeline"):
        await system.say(ID, "text", "key")
    assert system.requests == 0


# People


async def test_a_pending_user_is_the_second_choice(router: respx.MockRouter) -> None:
    """One address may be that of a deactivated, of an invited and of an active user."""
    _, patch = answer_writes(router)
    system = made(router)
    seen = await read(system, router, incident())
    router.get(f"{API}/api/v2/users").respond(
        json={
            "data": [
                user("old", "ben@example.com", disabled=True, status="Disabled"),
                user("invited", "ben@example.com", disabled=False, status="Pending"),
                user(BEN, "Ben@example.com", disabled=False, status="Active"),
            ]
        }
    )
    await system.update(seen, {"commander": ("ben@example.com",)})
    assert sent(patch)["data"]["relationships"]["commander_user"]["data"]["id"] == BEN


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"errors": ["Unauthorized"]}),
        (403, {"errors": ["Forbidden"]}),
        (403, {"status": "error", "code": 403, "errors": ["Forbidden"], "twitter": "@datadogops"}),
        (403, {"errors": ["API key required"]}),
    ],
)
async def test_keys_that_are_refused(
    router: respx.MockRouter, status: int, body: dict[str, Any]
) -> None:
    """Bad, missing and foreign keys look alike, with or without what the gateway adds."""
    router.get(f"{API}/api/v2/incidents").respond(status, json=body)
    with pytest.raises(Denied, match=body["errors"][0]) as caught:
        await made(router).check()
    assert "another site" in caught.value.advice
