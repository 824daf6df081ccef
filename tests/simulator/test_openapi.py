"""The judge of DevRev's OpenAPI document: what it refuses, and why it corrects the document."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.reference import reference
from tests.simulator.devrev_talk import WRONG
from tests.simulator.openapi import CORRECTIONS, Judged, document, faults


@pytest.fixture(autouse=True)
def _document() -> None:
    document()


INCIDENT = {"id": "INC-1", "title": "T"}
USER = {"type": "dev_user", "id": "DEVU-1"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ("incidents-get-response", {"incident": {"id": "x"}}),
        ("incidents-get-response", {"incident": INCIDENT | {"severity": 2}}),
        ("incidents-get-response", {"incident": INCIDENT | {"created_date": "2026-02-03"}}),
        ("incidents-get-response", {"incident": INCIDENT | {"owned_by": [{"type": "robot"}]}}),
        ("incidents-get-response", {"incident": INCIDENT | {"owned_by": [{"id": "DEVU-1"}]}}),
        ("incidents-list-response", {}),
        ("incidents-group-response", {"groups": [{"key": {"type": "int"}, "incidents": []}]}),
        ("incidents-group-response", {"groups": [{"incidents": []}]}),
        ("incidents-delete-response", {"deleted": True}),
        ("error-bad-request", {"type": "bad_wish", "message": "Bad Request"}),
        ("error-bad-request", {"type": "invalid_field", "message": "Bad Request"}),
        ("error-bad-request", {"type": "customization_validation_error", "subtype": "odd"}),
        ("error-not-found", {"message": "Not Found"}),
        *(
            (f"{verb.replace('.', '-')}-request", body)
            for verb, body in WRONG[:18]
            if "tags" not in body
        ),
    ],
)
def test_the_judge_refuses_what_is_wrong(schema: str, value: Any) -> None:
    """Missing keys, other types, unknown tags and dates without a time are faults."""
    assert faults(value, schema)


@pytest.mark.parametrize(
    ("correction", "schema", "value"),
    [
        ("tags", "incidents-get-response", {"incident": INCIDENT | {"owned_by": [USER]}}),
        (
            "nulls",
            "timeline-entries-update-request",
            {"id": "x", "type": "timeline_comment", "external_ref": None},
        ),
        ("errors", "error-bad-request", {"type": "bad_request", "message": "Bad Request"}),
        ("newer errors", "error-unauthorized", {"type": "token_expired"}),
        ("newer errors", "error-bad-request", {"type": "invalid_content_type", "value": "x"}),
    ],
)
def test_each_correction_is_needed(correction: str, schema: str, value: Any) -> None:
    """Without it the document refuses what its own vendor says elsewhere."""
    assert CORRECTIONS[correction].reason
    assert faults(value, schema) == []
    assert faults(value, schema, without=correction)


async def test_the_judge_hears_what_goes_by() -> None:
    """An unlisted status, an unknown verb and an unknown parameter are faults of their exchange."""
    replies = {"/incidents.create": 404, "/incidents.list": 200, "/incidents.make": 200}

    def answer(request: httpx.Request) -> httpx.Response:
        body = {"type": "not_found"} if request.url.path == "/incidents.create" else {}
        return httpx.Response(replies[request.url.path], json=body)

    judged = Judged(httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=judged, base_url="http://x") as client:
        await client.post("/incidents.create", json={"title": "T"})
        await client.post("/incidents.make", json={})
        await client.get("/incidents.list?modified_date.after=2026-01-01")
        await client.post("/incidents.list", content=b"{")
    first, second, third, fourth = judged.exchanges
    assert (first.asked, first.answered) == ([], ["incidents.create: 404 is not listed"])
    assert (len(second.asked), len(second.answered)) == (1, 1)
    assert third.asked == ["incidents.list: there is no parameter modified_date.after"]
    assert third.answered
    assert fourth.asked == ["incidents.list: the body is not JSON"]


def test_a_missing_document_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a document is absent its tests are skipped, but on the build server they fail."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception):
        reference("no", "such")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception):
        reference("no", "such")
