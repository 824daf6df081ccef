"""ProdManager's tokens: signed texts that carry a name, permissions, a begin and an end.

Checks and reasons were observed on version 0.22.0; the bounds of a name's and a description's
error texts are WTForms'.
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from instep.simulator.prodmanager.text import (
    FORBIDDEN,
    REQUIRED,
    RefusedError,
    failed,
    parse,
)

KINDS = "incident scope service maintenance monitor announcement token weather"
PERMISSIONS = tuple(f"{kind}_api" for kind in KINDS.split())
#: The server's own pattern: a payload with a minus, which ``>`` in a name can bring, is refused.
FORMAT = re.compile(r"^\w+ (?P<token>[A-Za-z0-9_]+\.[A-Za-z0-9_]+\.[A-Za-z0-9_-]+)$")
DENIED = "Token validation failed"
MALFORMED = f"Token has not the right format or type. expected : {FORMAT.pattern}"
#: By field: the fewest and the most characters.
LENGTHS = {"name": (8, 16), "description": (12, 32)}
DATES = {"not_before_date": "nbf", "expiration_date": "exp"}
#: The name on the token that the double is given.
NAME = "connector-dev"
#: The cookie of somebody who signed in at the web interface.
SESSION = "session=signed-in"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: by token, by the web's cookie, or nobody (``permissions`` is ``None``)."""

    payload: Mapping[str, Any] | None = None
    permissions: frozenset[str] | None = None

    @property
    def name(self) -> str | None:
        """Answer the name on the token."""
        return self.payload["name"] if self.payload else None

    @property
    def is_anonymous(self) -> bool:
        """Answer whether nobody is known to ask."""
        return self.permissions is None

    def permit(self, kind: str) -> None:
        """Refuse with 403 unless records of that kind may be written."""
        wanted = f"{kind}_api"
        if self.permissions is None:
            raise RefusedError(403, FORBIDDEN)
        if wanted not in self.permissions:
            raise lacking(wanted)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes and reads tokens; ``started`` is when the server's process began, in epoch seconds.

    ``stock`` is what an opaque token carries; ``accepted`` is the only such one, or any.
    """

    secret: str = field(repr=False)
    started: int
    stock: Mapping[str, Any]
    accepted: str | None = field(repr=False)

    def caller(self, authorization: str, cookie: str, now: datetime) -> Caller:
        """Answer who asks, or refuse with 401."""
        if authorization:
            payload = self._payload(authorization)
            _check_dates(payload, now)
            return Caller(payload, frozenset(payload["permissions"]))
        if SESSION in cookie:
            return Caller(permissions=frozenset(PERMISSIONS))
        return Caller()

    def _payload(self, authorization: str) -> Mapping[str, Any]:
        word, _, token = authorization.partition(" ")
        ours = self._read(token)
        is_bearer = bool(token.strip()) and word.lower() != "basic"
        if ours is None and is_bearer and self.accepted in {None, token}:
            # A token that was not made here has no format to be judged by.
            return self.stock
        if not FORMAT.match(authorization):
            raise _unknown(MALFORMED)
        if ours is None:
            raise _unknown("Signature verification failed")
        return ours

    def _read(self, token: str) -> Mapping[str, Any] | None:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            return None
        _, _, coded = signed.partition(".")
        payload: Mapping[str, Any] = json.loads(urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))
        return payload

    def make(self, form: Mapping[str, list[Any]]) -> str:
        """Sign a new token; without dates of its own it ends an hour after the server started."""
        dates = {name: parse(str(form[name][0])) for name in DATES if _has(form, name)}
        reasons = {name: [why] for name, why in _mistakes(form, dates) if why}
        if not reasons and form["secret"][0] != self.secret:
            reasons = {"secret": ["Application secret invalid"]}
        if reasons:
            raise failed(400, "Token creation failed", **reasons)
        usual = {"nbf": self.started, "exp": self.started + 3600}
        sent = {DATES[name]: _epoch(date) for name, date in dates.items() if date}
        said = {"name": form["name"][0], "permissions": form.get("permission", [])}
        return self._signed({**said, **usual, **sent})

    def _signed(self, payload: Mapping[str, Any]) -> str:
        head = _coded(b'{"alg":"HS256","typ":"JWT"}')
        text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        signed = f"{head}.{_coded(text.encode())}"
        return f"{signed}.{self._signature(signed)}"

    def _signature(self, signed: str) -> str:
        return _coded(hmac.digest(self.secret.encode(), signed.encode(), "sha256"))


def given(permissions: str, begin: float, end: float) -> Mapping[str, Any]:
    """Answer what the token that the double is given carries; dates are in epoch seconds.

    Raises:
        ValueError: there is no such permission.
    """
    granted = permissions.split()
    for one in granted:
        if one not in PERMISSIONS:
            raise ValueError(f"permissions has {one!r}, and not one of {', '.join(PERMISSIONS)}")
    return {"name": NAME, "nbf": int(begin), "exp": int(end), "permissions": granted}


def lacking(permission: str) -> RefusedError:
    """Refuse a token that lacks a permission; spelled as the service does."""
    reason = f"Token doesn't have enought permissions. expected : {permission}"
    return failed(403, "API permission denied", token=[reason])


def _check_dates(payload: Mapping[str, Any], now: datetime) -> None:
    if payload["exp"] <= now.timestamp():
        raise _unknown("Signature has expired")
    if payload["nbf"] > now.timestamp():
        raise _unknown("The token is not yet valid (nbf)")


def _unknown(reason: str) -> RefusedError:
    return failed(401, DENIED, token=[reason])


def _coded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _has(form: Mapping[str, list[Any]], name: str) -> bool:
    return form.get(name, [""])[0] not in ("", None)


def _mistakes(
    form: Mapping[str, list[Any]], dates: Mapping[str, datetime | None]
) -> list[tuple[str, str]]:
    found = [(name, REQUIRED) for name in ("secret", *LENGTHS) if not _has(form, name)]
    found += [(name, _misfit(name, str(form[name][0]))) for name in LENGTHS if _has(form, name)]
    found += [(name, "Not a valid datetime value.") for name, date in dates.items() if not date]
    odd = [one for one in form.get("permission", []) if one not in PERMISSIONS]
    return found + [("permission", f"'{one}' is not a valid choice for this field.") for one in odd]


def _misfit(name: str, text: str) -> str:
    least, most = LENGTHS[name]
    fits = least <= len(text) <= most
    return "" if fits else f"Field must be between {least} and {most} characters long."


def _epoch(date: datetime) -> int:
    return int(date.replace(tzinfo=UTC).timestamp())
