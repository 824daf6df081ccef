"""DevRev's OpenAPI document as a judge of what is asked and answered on the wire.

The document is not right in every detail: each correction is named, and says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import jsonschema
import orjson
import yaml
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.reference import reference

Node = dict[str, Any]
HOME = "urn:devrev"
#: Verbs that the document leaves out though official pages describe them.
BESIDE = frozenset({"dev-users.self", "tags.list", "tags.create", "links.create", "links.list"})
#: Statuses that the document lists for no verb, and where they are described.
STATUSES = {
    301: "prose on responses: an object that has moved, on any endpoint",
    413: "the document of 2026-01: request_entity_too_large",
}
#: Types of errors that only the document of 2026-01 has.
NEWER = {
    "error-bad-request-type": ["invalid_content_type"],
    "error-unauthorized-type": ["token_expired", "token_revoked", "dev_org_deactivated"],
}
ROUTE = {"message": "route not found"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Correction:
    """What is wrong in the document, and how it is mended, in place, wherever it stands."""

    reason: str
    mend: Callable[[Node, str], None]


def _choose_by_tag(node: Node, _: str) -> None:
    tag = node.get("discriminator", {})
    if "mapping" not in tag:
        return
    node.pop("oneOf", None)
    name = tag["propertyName"]
    node["allOf"] = [
        {
            "if": {"properties": {name: {"const": value}}, "required": [name]},
            "then": {"$ref": target},
        }
        for value, target in tag["mapping"].items()
    ]


def _allow_null(node: Node, _: str) -> None:
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        node["type"] = [node["type"], "null"]


def _open_errors(node: Node, name: str) -> None:
    if name.startswith("error-") and not node.get("properties"):
        node.pop("additionalProperties", None)


def _newer_errors(node: Node, name: str) -> None:
    if name in NEWER:
        node["enum"] = [*node["enum"], *NEWER[name]]


CORRECTIONS = {
    "tags": Correction(
        "oneOf over members of one shape accepts nothing: a union is chosen by its tag",
        _choose_by_tag,
    ),
    "nulls": Correction("nullable is no word of JSON Schema: it is a second type", _allow_null),
    "errors": Correction(
        "an error's variant is a closed empty object beside the keys that every error has",
        _open_errors,
    ),
    "newer errors": Correction(
        "the document of 2026-01 has three more types of 401 and one more of 400", _newer_errors
    ),
}


@cache
def document() -> Node:
    """Read the document as it is published."""
    text = reference("contracts", "devrev-openapi.yaml").read_text(encoding="utf-8")
    read: Node = yaml.load(text, Loader=yaml.CSafeLoader)
    return read


def _copied(node: Any) -> Any:
    if isinstance(node, list):
        return [_copied(one) for one in node]
    return {key: _copied(one) for key, one in node.items()} if isinstance(node, dict) else node


def _nodes(node: Any, name: str = "") -> Iterator[tuple[Node, str]]:
    """Walk over everything that has keys, with the key that it stands under."""
    if isinstance(node, dict):
        yield node, name
        for key, one in node.items():
            yield from _nodes(one, key)
    elif isinstance(node, list):
        for one in node:
            yield from _nodes(one)


def _is_request(name: str) -> bool:
    return name.endswith("-request") and not name.startswith("error-")


def _close(schemas: Node) -> None:
    """Refuse unknown keys wherever an object is asked for: the service does (observed)."""

    def closed(node: Node) -> Node:
        target = schemas[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
        if not target.keys() & {"properties", "allOf"}:
            return node
        return node | {"unevaluatedProperties": False}

    for node, _ in list(_nodes(schemas)):
        places = node.get("properties")
        if isinstance(places, dict):
            for key in [key for key, one in places.items() if isinstance(one, dict)]:
                places[key] = closed(places[key])
        if isinstance(node.get("items"), dict):
            node["items"] = closed(node["items"])
    for name in filter(_is_request, list(schemas)):
        schemas[name] = closed(schemas[name])


@cache
def _registry(*, closed: bool, without: str) -> Any:
    copy = _copied(document())
    schemas = copy["components"]["schemas"]
    for name, correction in CORRECTIONS.items():
        if name != without:
            for node, key in list(_nodes(schemas)):
                correction.mend(node, key)
    if closed:
        _close(schemas)
    return Registry().with_resource(HOME, DRAFT202012.create_resource(copy))


def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or bool(_INSTANT.fullmatch(value))


FORMATS = jsonschema.FormatChecker(("date",))
FORMATS.checks("date-time")(_is_instant)


@cache
def _validator(schema: str, *, closed: bool, without: str) -> Any:
    return jsonschema.Draft202012Validator(
        {"$ref": f"{HOME}#/components/schemas/{schema}"},
        registry=_registry(closed=closed, without=without),
        format_checker=FORMATS,
    )


def faults(value: Any, schema: str, *, without: str = "") -> list[str]:
    """Answer what is wrong with a value; ``without`` leaves a correction out."""
    validator = _validator(schema, closed=_is_request(schema), without=without)
    errors = validator.iter_errors(value)
    return [f"{schema} {list(error.path)}: {error.message}" for error in errors]


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, and what is wrong with either."""

    verb: str
    method: str
    status: int
    asked: list[str]
    answered: list[str]


@dataclass
class Judged(httpx.AsyncBaseTransport):
    """A transport that judges all that goes through it."""

    inner: httpx.AsyncBaseTransport
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Answer everything that was wrong so far."""
        return [fault for one in self.exchanges for fault in (*one.asked, *one.answered)]

    @property
    def verbs(self) -> set[str]:
        """Answer the verbs of the document that were asked for."""
        return {one.verb for one in self.exchanges}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, and judge it with its answer."""
        body = await request.aread()
        response = await self.inner.handle_async_request(request)
        content = await response.aread()
        verb = request.url.path.removeprefix("/")
        if verb not in BESIDE:
            self.exchanges.append(
                Exchange(
                    verb,
                    request.method,
                    response.status_code,
                    asked(verb, request, body),
                    answered(verb, request.method, response.status_code, content),
                )
            )
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    async def aclose(self) -> None:
        """Close the transport inside."""
        await self.inner.aclose()


def asked(verb: str, request: httpx.Request, body: bytes) -> list[str]:
    """Answer what is wrong with a request: its verb, its body or its parameters."""
    operation = document()["paths"].get(f"/{verb}", {}).get(request.method.lower())
    if operation is None:
        return [f"{verb}: there is no {request.method} form"]
    if request.method == "GET":
        known = {one["name"] for one in operation["parameters"]}
        strange = [key for key in request.url.params if key not in known]
        return [f"{verb}: there is no parameter {key}" for key in strange]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return [f"{verb}: the body is not JSON"]
    return faults(value, schema["$ref"].rpartition("/")[2])


def answered(verb: str, method: str, status: int, content: bytes) -> list[str]:
    """Answer what is wrong with an answer: its status for that verb, or its body."""
    if status in STATUSES:
        return []
    value = orjson.loads(content)
    operation = document()["paths"].get(f"/{verb}", {}).get(method.lower())
    if operation is None:
        return [] if (status, value) == (404, ROUTE) else [f"{verb}: {status} {value}"]
    listed = operation["responses"].get(str(status))
    if listed is None:
        return [f"{verb}: {status} is not listed"]
    if "$ref" in listed:
        listed = document()["components"]["responses"][listed["$ref"].rpartition("/")[2]]
    schema = listed["content"]["application/json"]["schema"]["$ref"]
    return faults(value, schema.rpartition("/")[2])
