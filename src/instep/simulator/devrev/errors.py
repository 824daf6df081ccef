"""How DevRev refuses: a flat body with ``type``, ``message`` and keys that belong to the type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class RefusedError(Exception):
    """A request that the service refuses, by default with status 400."""

    def __init__(
        self, kind: str, status: int = 400, message: str = "Bad Request", **rest: Any
    ) -> None:
        """Keep the error ``kind`` and what else its body says; an empty kind is left out."""
        super().__init__(kind or message)
        self.status = status
        self.body = ({"type": kind} if kind else {}) | {"message": message, **rest}
        self.headers: dict[str, str] = {}


TROUBLE = {
    "500": RefusedError("internal_error", 500, "Internal Server Error", reference_id="a1b2c3"),
    "503": RefusedError("service_unavailable", 503, "Service Unavailable"),
    "403": RefusedError("forbidden", 403, "Forbidden"),
    "429": RefusedError("too_many_requests", 429, "Too Many Requests"),
}


def unauthorized(kind: str) -> RefusedError:
    """Refuse a token; the newer document knows expired and revoked ones apart."""
    return RefusedError(kind, 401, "Unauthorized")


def no_route() -> RefusedError:
    """Refuse a verb that does not exist: the one 404 without a ``type`` (documented)."""
    return RefusedError("", 404, "route not found")


def not_found() -> RefusedError:
    """Refuse an id of the right form that names nothing."""
    return RefusedError("not_found", 404, "Not Found")


def moved(new_id: str) -> RefusedError:
    """Answer that an object has another id now (documented for all endpoints)."""
    refused = RefusedError("", 301, "Moved Permanently")
    refused.headers = {"location": new_id}
    return refused


def missing(field_name: str) -> RefusedError:
    """Refuse a request that lacks a field."""
    return RefusedError("missing_required_field", field_name=field_name)


def unknown_key(field_name: str) -> RefusedError:
    """Refuse a key that the request does not have."""
    return RefusedError("invalid_field", field_name=field_name)


def invalid_id(field_name: str) -> RefusedError:
    """Refuse an id that names nothing."""
    return RefusedError("invalid_id", field_name=field_name)


def other_kind(field_name: str) -> RefusedError:
    """Refuse an id that names something of another type."""
    return RefusedError("unexpected_id_type", field_name=field_name)


def bad_type(field_name: str, expected: str, actual: str) -> RefusedError:
    """Refuse a value of another JSON type."""
    return RefusedError(
        "unexpected_json_type", field_name=field_name, expected=expected, actual=actual
    )


def bad_enum(field_name: str, value: str, allowed: Iterable[str]) -> RefusedError:
    """Refuse a word that is none of those allowed."""
    return RefusedError(
        "invalid_enum_value", field_name=field_name, value=value, allowed_values=list(allowed)
    )


def not_permitted(field_name: str, reason: str) -> RefusedError:
    """Refuse a value of the right type; which error the service uses is assumed."""
    return RefusedError("value_not_permitted", field_name=field_name, reason=reason)


def not_valid(subtype: str, field_name: str, reason: str) -> RefusedError:
    """Refuse what the organisation's own schema does not allow."""
    return RefusedError(
        "customization_validation_error", subtype=subtype, field_name=field_name, reason=reason
    )
