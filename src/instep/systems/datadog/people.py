"""People of a Datadog organisation: commanders are ids there, and e-mails everywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from instep.systems.http import Door
from instep.systems.raw import Raw, dig, objects, text

log = structlog.get_logger()

COMMANDER = "commander"
USERS = "/api/v2/users"


def commander_of(raw: Raw) -> str | None:
    """Give the id of the commander, who stands only among the relationships (recorded)."""
    return text(dig(raw, "relationships", "commander_user", "data", "id"))


class People:
    """Who is who: e-mail addresses of user ids and the other way round, remembered."""

    def __init__(self, door: Door) -> None:
        """Know nobody yet."""
        self._door = door
        self._emails: dict[str, str | None] = {}
        self._ids: dict[str, str] = {}

    def name(self, user_id: str | None) -> str | None:
        """Name a user who was met by e-mail; one without keeps the id, which is not nobody."""
        return self._emails.get(user_id) or user_id if user_id else None

    async def meet(self, user_ids: set[str]) -> None:
        """Ask for the e-mails of users not met yet; one who cannot be shown has none.

        Raises:
            Unreachable: the answer shows no user: whoever it is must not seem to have gone.
        """
        for user_id in sorted(user_ids - self._emails.keys()):
            answer = await self._door.read("GET", f"{USERS}/{user_id}")
            if answer.status == 404:
                log.warning("name.unknown", system=self._door.system, path=COMMANDER, name=user_id)
            elif not answer.ok or not dig(answer.peek(), "data", "id"):
                raise answer.unusable("did not show a user")
            email = text(dig(answer.peek(), "data", "attributes", "email"))
            self._emails[user_id] = email.lower() if email else None

    async def check(self) -> None:
        """Prove that users may be looked up.

        Raises:
            Denied: the permission ``user_access_read`` is missing.
        """
        params: Mapping[str, str | int] = {"filter": "@", "page[size]": 1}
        await self._door.read("GET", USERS, params=params)

    async def user_id(self, email: str) -> str | None:
        """Give the id of a user who may be made commander, or ``None`` with a warning."""
        found = await self.find(email)
        if found is None:
            log.warning("name.unknown", system=self._door.system, path=COMMANDER, name=email)
        return found

    async def find(self, email: str) -> str | None:
        """Look for a user who may be made commander, and give the id.

        The filter finds parts of addresses and of names, deactivated users, and ones who were
        invited and never came (documented): those are the second choice.
        """
        if email not in self._ids:
            params: Mapping[str, str | int] = {"filter": email, "page[size]": 100}
            answer = await self._door.read("GET", USERS, params=params)
            found = [one for one in objects(answer.part("data", list)) if _is(one, email)]
            if found:
                best = min(found, key=lambda one: dig(one, "attributes", "status") == "Pending")
                self._ids[email] = str(best.get("id"))
                self._emails[self._ids[email]] = email
        return self._ids.get(email)


def _is(user: Raw, email: str) -> bool:
    """Whether this is the user with that e-mail, and not a deactivated one."""
    about: Any = user.get("attributes")
    return str(dig(about, "email")).lower() == email and not dig(about, "disabled")
