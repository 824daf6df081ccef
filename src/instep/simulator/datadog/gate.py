"""What stands before Datadog's endpoints: keys, permissions, the quota, and trouble."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from instep.simulator.datadog import org
from instep.simulator.datadog.writes import RefusedError
from instep.simulator.wire import Call, Reply, as_html, as_json
from instep.simulator.world import World

#: What the headers say where no quota is set.
USUAL_LIMIT = 1000
UNAUTHORIZED = RefusedError("Unauthorized", 401)
FORBIDDEN = RefusedError("Forbidden", 403)
SAID = {
    "401": "Unauthorized",
    "403": "Forbidden",
    "429": "Too many requests",
    "500": "Internal Server Error",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
}


@dataclass(slots=True)
class Gate:
    """Lets requests pass, or not.

    ``token`` is the application key or OAuth token accepted, ``None`` any; ``lacks`` the
    permissions that its owner does not have. ``quota`` requests are answered in each ``period``
    of seconds, which begins with the clock's; 0 is no limit. ``is_html`` lets the edge answer
    for the quota.
    """

    world: World
    token: str | None
    lacks: frozenset[str]
    quota: int
    period: int
    is_html: bool
    _current: int = field(default=0, init=False)
    _used: int = field(default=0, init=False)

    def admit(self, call: Call) -> None:
        """Refuse a request without credentials with 401, and with wrong ones with 403."""
        word, _, bearer = call.header("authorization").partition(" ")
        app_key = call.header("dd-application-key")
        has_keys = bool(app_key and call.header("dd-api-key"))
        if not has_keys and not (word.lower() == "bearer" and bearer):
            raise UNAUTHORIZED
        if self.token is not None and self.token not in {app_key if has_keys else "", bearer}:
            raise FORBIDDEN

    def permit(self, permission: str) -> None:
        """Refuse what the owner of the key may not do."""
        if permission in self.lacks:
            raise FORBIDDEN

    def count(self) -> Reply | None:
        """Count one request; answer what refuses it, if the quota is used up."""
        current = int(self.world.now().timestamp()) // self.period
        if current != self._current:
            self._current, self._used = current, 0
        self._used += 1
        return self.too_many() if self.quota and self._used > self.quota else None

    def headers(self) -> dict[str, str]:
        """Spell where the quota stands; the reset is in seconds from now, not an epoch.

        Without a quota the headers name the usual one, which is never used up.
        """
        limit = self.quota or USUAL_LIMIT
        used = self._used if self.quota else self._used % limit
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-period": str(self.period),
            "x-ratelimit-remaining": str(max(limit - used, 0)),
            "x-ratelimit-reset": str(self.period - int(self.world.now().timestamp()) % self.period),
            "x-ratelimit-name": "incidents",
        }

    def too_many(self, wait: int | None = None) -> Reply:
        """Refuse for the quota; the edge has no headers, and no JSON (observed)."""
        if self.is_html:
            return as_html("429 Too Many Requests", 429)
        reset = {} if wait is None else {"x-ratelimit-reset": str(wait)}
        headers = self.headers() | {"x-ratelimit-remaining": "0"} | reset
        return as_json({"errors": [SAID["429"]]}, 429, headers=headers)


def trouble(kind: str) -> Reply:
    """Spell an error that is no answer to the request: gateways say more than the service."""
    errors = {"errors": [SAID[kind]]}
    if kind in {"502", "503"}:
        return as_json(at_the_gateway(errors, int(kind)), int(kind))
    return as_json(errors, int(kind))


def at_the_gateway(errors: dict[str, Any], status: int) -> dict[str, Any]:
    """Add what a gateway adds to a body of errors (observed)."""
    places = {"statuspage": "http://status.datadoghq.com", "twitter": "@datadogops"}
    return {"status": "error", "code": status, **errors, **places, "email": "support@example.com"}


def wanting(text: str) -> frozenset[str]:
    """Read names of permissions with commas between.

    Raises:
        ValueError: there is no such permission.
    """
    names = frozenset(one.strip() for one in text.split(",") if one.strip())
    unknown = names - set(org.PERMISSIONS)
    if unknown:
        message = f"no such permission: {', '.join(sorted(unknown))}"
        raise ValueError(message)
    return names
