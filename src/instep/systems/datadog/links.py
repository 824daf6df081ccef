"""Links attached to a Datadog incident, for people to follow."""

from __future__ import annotations

from collections.abc import Mapping

from instep.systems.datadog.answers import INCIDENTS, refusal
from instep.systems.http import Door
from instep.systems.raw import Raw, dig, objects, text

#: The number by which the list of attachments is filtered for links (documented); it has no pages.
LINKS = 2


async def attach(door: Door, record_id: str, links: Mapping[str, str]) -> None:
    """Attach each URL that is not attached yet, by its title.

    Raises:
        Gone: there is no such incident; a malformed id, which is a 404 too, is not that.
        Rejected, Denied, Unreachable: as for every write.
    """
    path = f"{INCIDENTS}/{record_id}/attachments"
    answer = await door.read("GET", path, params={"filter[attachment_type]": LINKS})
    if not answer.ok:
        raise refusal(door, answer, record_id)
    held = objects(answer.part("data", list))
    there = {text(dig(one, "attributes", "attachment", "documentUrl")) for one in held}
    for title, url in links.items():
        if url not in there:
            there.add(url)
            answer = await door.write("POST", path, json={"data": _link(title, url)})
            if not answer.ok:
                raise refusal(door, answer, record_id)


def _link(title: str, url: str) -> Raw:
    """Spell an attachment."""
    about = {"attachment_type": "link", "attachment": {"title": title, "documentUrl": url}}
    return {"type": "incident_attachments", "attributes": about}
