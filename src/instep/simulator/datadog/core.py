"""Datadog's incidents themselves: list, search, get, create, import, change and delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from instep.simulator.datadog import org
from instep.simulator.datadog.beside import attached, cell_texts, write_cell
from instep.simulator.datadog.facets import envelope, pagination
from instep.simulator.datadog.incident import Incident
from instep.simulator.datadog.parts import JSON_API, ONE, READ, WRITE, Route
from instep.simulator.datadog.search import matches
from instep.simulator.datadog.writes import (
    CREATE,
    IMPORT,
    PATCH,
    RefusedError,
    attributes_of,
    data_of,
)
from instep.simulator.wire import HTML, JSON, Call, Reply, as_json

if TYPE_CHECKING:
    from instep.simulator.datadog import DatadogSimulator

MAX_PAGE = 100
#: The documented default is 10; this one was observed.
DEFAULT_PAGE = 25
MAX_TITLE = 1024


def _list(double: DatadogSimulator, call: Call) -> Reply:
    size, offset = _paging(double, call)
    unseen = {key for key in double.hidden if double.seen(key) is None}
    order: Sequence[str] = double.order
    if unseen and not double.private_shortens_pages:
        order = [key for key in order if key not in unseen]
    passed = order[offset : offset + size]
    page = [double.held[key] for key in passed if key not in unseen]
    return shown(page, offset, len(passed), _included(call, page))


def shown(
    page: Sequence[Incident], offset: int, passed: int, included: Sequence[Any] = ()
) -> Reply:
    """Spell a page of the listing, for which ``passed`` rows were gone through."""
    body: dict[str, Any] = {"data": [incident.wire for incident in page]}
    if included:
        body["included"] = included
    return as_json(body | {"meta": {"pagination": pagination(offset, len(page), passed)}})


def _included(call: Call, page: Sequence[Incident]) -> list[dict[str, Any]]:
    """Answer the resources that ``include`` adds to a page of incidents."""
    wanted = (call.param("include") or "").split(",")
    extra: list[dict[str, Any]] = []
    if "users" in wanted:
        people = {key: user for one in page for key, user in one.people.items()}
        extra += [user.included() for user in people.values()]
    if "attachments" in wanted:
        extra += [attached(part, one.id) for one in page for part in one.attachments]
    return extra


def _get(double: DatadogSimulator, call: Call, incident_id: str) -> Reply:
    incident = double.show(incident_id)
    included = _included(call, [incident])
    return as_json({"data": incident.wire} | ({"included": included} if included else {}))


def _search(double: DatadogSimulator, call: Call) -> Reply:
    query = call.param("query")
    if not query:
        raise RefusedError("query is required")
    if call.param("sort") not in {None, "created", "-created"}:
        raise RefusedError("sort must be created or -created")
    size, offset = _paging(double, call)
    found = _found(double, query)
    # Within one second the order is arbitrary: here, that of the ids.
    found.sort(key=lambda row: (row.created.replace(microsecond=0), row.id))
    if call.param("sort") != "created":
        found.reverse()
    types = double.types.everything()
    more = _included(call, found[offset : offset + size])
    body = envelope(found, offset, size, types, bloat=double.facet_bloat, more=more)
    return Reply(200, body, {"content-type": JSON})


def _found(double: DatadogSimulator, query: str) -> list[Incident]:
    """Answer what the index knows; test incidents only where the query names them (assumed)."""
    test = matches(query, double.types.everything())
    drills = "is_test:" in query
    rows = double.index.rows(double.world.now()).values()
    return [row for row in rows if (drills or not row.is_test) and double.sees(row) and test(row)]


def _create(double: DatadogSimulator, call: Call) -> Reply:
    data = data_of(call.body)
    kind = double.writer.kind(data)
    changes = double.writer.read(data, CREATE, kind)
    if not {"title", "customer_impacted"} <= changes.keys():
        raise RefusedError("title and customer_impacted are required")
    if changes["customer_impacted"] and not changes.get("customer_impact_scope"):
        raise RefusedError("customer_impact_scope is required when customer_impacted is true")
    texts = cell_texts(attributes_of(data).get("initial_cells"))
    incident = double.open({**double.birth(kind), **changes}, org.BOT)
    for text in texts:
        write_cell(double, double.held[incident.id], text)
    double.page(changes, is_declared=True)
    return as_json({"data": incident.as_created()}, 201)


def _import(double: DatadogSimulator, call: Call) -> Reply:
    """Take an incident with its past; no rule runs and nobody is paged (documented)."""
    data = data_of(call.body)
    kind = double.writer.kind(data)
    changes = double.writer.read(data, IMPORT, kind)
    if not 0 < len(changes.get("title", "")) <= MAX_TITLE:
        raise RefusedError(f"title is required, of at most {MAX_TITLE} characters")
    if changes.get("resolved") and changes.get("fields", {}).get("state") != "resolved":
        raise RefusedError("resolved needs the state resolved")
    given = {name: value for name, value in changes.items() if value is not None}
    past = {"detected": given.get("declared", double.now())}
    incident = double.open({**double.birth(kind), **past, **given}, org.BOT, double.random_id())
    included = _included(call, [incident])
    body = {"data": incident.as_imported()} | ({"included": included} if included else {})
    return as_json(body, 201, kind=JSON_API)


def _patch(double: DatadogSimulator, call: Call, incident_id: str) -> Reply:
    before = double.show(incident_id)
    data = data_of(call.body)
    if data.get("id") != incident_id:
        raise RefusedError("data.id does not match the path")
    changes = double.writer.read(data, PATCH, before.kind)
    double.page(changes, is_declared=False)
    after = double.change(before, changes, org.BOT)
    return as_json({"data": after.as_patched(before)})


def _delete(double: DatadogSimulator, _: Call, incident_id: str) -> Reply:
    """Delete for good; where the setting is off, what is answered is not known."""
    double.show(incident_id)
    if not double.allows_delete:
        raise RefusedError("incident deletion is not enabled", double.delete_refusal)
    double.delete(incident_id)
    return Reply(204, b"", {"content-type": HTML})


def _paging(double: DatadogSimulator, call: Call) -> tuple[int, int]:
    try:
        size = int(call.param("page[size]") or DEFAULT_PAGE)
        offset = int(call.param("page[offset]") or 0)
    except ValueError:
        raise RefusedError("page[size] and page[offset] must be integers") from None
    # What happens above the documented maximum is not known.
    if double.clamps_pages:
        size = min(size, MAX_PAGE)
    if not 0 < size <= MAX_PAGE or offset < 0:
        raise RefusedError(f"page[size] must be between 1 and {MAX_PAGE}")
    return size, offset


ROUTES: list[Route] = [
    ("GET", "/api/v2/incidents", READ, _list),
    ("POST", "/api/v2/incidents", WRITE, _create),
    ("GET", "/api/v2/incidents/search", READ, _search),
    ("POST", "/api/v2/incidents/import", WRITE, _import),
    ("GET", ONE, READ, _get),
    ("PATCH", ONE, WRITE, _patch),
    ("DELETE", ONE, WRITE, _delete),
]
