"""What the tests of the DevRev double share."""

from __future__ import annotations

from typing import Any

import httpx


async def ask(client: httpx.AsyncClient, verb: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """Call a verb; answer status and body."""
    reply = await client.post(f"/{verb}", json=body)
    return reply.status_code, reply.json()


async def make(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    """Create an incident; answer its read shape."""
    status, data = await ask(client, "incidents.create", **({"title": "Made"} | body))
    assert status == 201, data
    incident: dict[str, Any] = data["incident"]
    return incident


async def refusal(client: httpx.AsyncClient, verb: str, **body: Any) -> dict[str, Any]:
    """Call a verb that is refused; answer the error, without its message."""
    status, data = await ask(client, verb, **body)
    assert status >= 300, data
    return {"status": status} | {key: one for key, one in data.items() if key != "message"}


async def walk(client: httpx.AsyncClient, verb: str, key: str, **body: Any) -> list[list[Any]]:
    """Walk a listing to where no cursor is; answer its pages."""
    pages: list[list[Any]] = []
    cursor: dict[str, str] = {}
    while True:
        status, page = await ask(client, verb, **body, **cursor)
        assert status == 200, page
        pages.append(page[key])
        onward = page.get("next_cursor") or (page.get("cursor") if key == "result" else None)
        if onward is None:
            return pages
        cursor = {"cursor": onward}
