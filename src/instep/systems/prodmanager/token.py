"""The token of ProdManager: who it is, until when, and what it may do.

Reads need no permission, so that a token without one would fail at the first write only; and a
token that was not sent at all still reads, but without the events that tell one incident from
another with its id. So the token is looked at before a listing is believed.
"""

from __future__ import annotations

import base64
import math
import time
from typing import Any

import orjson
import structlog

from instep.errors import Denied, Unreachable
from instep.systems.http import Door, Passing
from instep.systems.raw import dig

log = structlog.get_logger()

PERMISSION = "incident_api"
#: Seconds after which the token is looked at again.
HOUR = 3600
#: Seconds before a token's end from which on a person is warned.
WEEK = 7 * 24 * HOUR
DAY = 24 * HOUR
#: Seconds that a token lives which was made without dates, from the start of the server.
BY_DEFAULT = 3600


class Token:
    """What is known of the token; looked at anew after an hour."""

    def __init__(self, door: Door, token: str, *, writable: bool) -> None:
        """Ask nothing yet; ``writable`` says that the system is written to."""
        self._door = door
        self._payload = token.split(".")[1] if token.count(".") == 2 else ""
        self._claims = _claims(self._payload)
        self._writable = writable
        self._looked: float | None = None

    async def prove(self) -> None:
        """Look at the token before the first listing, and when an hour has passed.

        Raises:
            Denied: as ``look``.
        """
        now = time.time()
        if self._looked is not None and 0 <= now - self._looked < HOUR:
            return
        left = await self.look()
        self._looked = now
        if left < WEEK:
            log.warning("token.ending", system=self._door.system, days=round(left / DAY, 1))

    def doubt(self) -> None:
        """Look at it again before the next listing."""
        self._looked = None

    async def look(self) -> float:
        """Ask who the token is; answers how many seconds it is still good for.

        Whether it has ended is for the service to say: the clock of this machine may be wrong.

        Raises:
            Denied: it is not known, has ended, is not good yet, or may not write incidents
                although the system is written to.
            Unreachable: no usable answer; a 500 may stand for a token that is not understood.
        """
        about = await self._about()
        granted = dig(about, "permissions")
        if self._writable and PERMISSION not in (granted if isinstance(granted, list) else ()):
            raise self._denied(
                "does not let the token write incidents",
                f"make a token with {PERMISSION}, or set writable: false",
            )
        return max(_date(about, "exp", math.inf) - time.time(), 0.0)

    async def _about(self) -> Any:
        """Give what the service says of the token."""
        try:
            answer = await self._door.read("GET", "/api/token/whoami")
        except Denied as error:
            raise self._refused(error) from error
        except Passing as error:
            raise self._broken(error) from error
        if not answer.ok:
            raise answer.unusable("did not say who the token is: is the address that of its root?")
        about = dig(answer.json(), "playload")  # as the service spells it
        if not about:
            raise self._denied(
                "does not know the token",
                "check that no proxy takes the Authorization header away, or make a token",
            )
        return about

    def _refused(self, error: Denied) -> Denied:
        """Explain a refusal by the dates that the token itself carries."""
        now = time.time()
        if _date(self._claims, "exp", math.inf) < now:
            return self._ended()
        if _date(self._claims, "nbf", 0.0) > now:
            return self._denied("says that the token is not good yet", "wait, or make a new token")
        if "-" in self._payload:
            # The server's own pattern for tokens does not know all that its tokens can hold.
            error.advice = "make a new token with a name of letters and digits: this one is broken"
        return error

    def _broken(self, error: Passing) -> Unreachable:
        """Explain a 500: with its rate limit on, the service breaks on a bad token (observed)."""
        if error.status == 500:
            error.advice = (
                "look at the token, it may be malformed or have ended: with its rate limit on, "
                "the service answers 500 in place of 401"
            )
        return error

    def _ended(self) -> Denied:
        """Make the error for a token that has ended; one without dates may never have been good."""
        advice = "make a new token"
        if _date(self._claims, "exp", 0.0) - _date(self._claims, "nbf", 0.0) == BY_DEFAULT:
            advice += (
                "; its end was one hour after the server was started: "
                "send both dates when making it"
            )
        return self._denied("says that the token has ended", advice)

    def _denied(self, what: str, advice: str) -> Denied:
        """Make the error for a token that will not do."""
        system = self._door.system
        return Denied(f"{system} {what}", system=system, advice=advice)


def _date(about: Any, name: str, default: float) -> float:
    """Give one date of a token in Unix time."""
    value = dig(about, name)
    return float(value) if isinstance(value, int | float) else default


def _claims(payload: str) -> Any:
    """Read what a token says of itself; ``None`` if it says nothing that can be read."""
    try:
        return orjson.loads(base64.urlsafe_b64decode(f"{payload}=="))
    except ValueError:
        return None
