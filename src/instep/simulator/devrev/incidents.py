"""The six verbs of DevRev's incidents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from instep.simulator.devrev import groups
from instep.simulator.devrev import lookups as org
from instep.simulator.devrev.checks import options
from instep.simulator.devrev.errors import RefusedError, missing
from instep.simulator.devrev.held import Held
from instep.simulator.devrev.incident import Incident
from instep.simulator.devrev.lookups import Directory, Thing
from instep.simulator.devrev.paging import Walks
from instep.simulator.devrev.query import Query, order
from instep.simulator.devrev.switches import Switches
from instep.simulator.devrev.writes import Writer, check_cause

Body = dict[str, Any]
Answer = tuple[int, dict[str, Any]]
#: Groups of a page, when no limit is sent (documented).
GROUPS = 10


class Incidents:
    """What a client asks about incidents."""

    def __init__(
        self, held: Held, directory: Directory, walks: Walks, switches: Switches, me: Thing
    ) -> None:
        """Answer for what is ``held``, to ``me``."""
        self._held = held
        self._walks = walks
        self._switches = switches
        self._me = me
        self._writer = Writer(directory, switches)
        self._query = Query(directory, switches)
        self.verbs: dict[str, Callable[[Body], Answer]] = {
            "incidents.get": self._get,
            "incidents.create": self._create,
            "incidents.update": self._update,
            "incidents.delete": self._delete,
            "incidents.list": self._list,
            "incidents.group": self._group,
        }

    def _get(self, body: Body) -> Answer:
        return 200, {"incident": self._held.find(body["id"]).wire}

    def _create(self, body: Body) -> Answer:
        allowed = options(body, "allow_non_start")
        if "stage" not in body.get("stage", {"stage": ""}):
            raise missing("stage.stage")
        for name in filter(None, self._switches.required_on_create.split(",")):
            if name not in body and name not in body.get("custom_fields", {}):
                raise missing(name)
        values = {"stage": "triage"} | self._changes(body, None)
        if values["stage"] != "triage" and self._switches.transitions and not allowed:
            raise RefusedError("bad_request")
        incident = self._held.open(values, self._me, self._held.world.now())
        return 201, {"incident": incident.wire}

    def _update(self, body: Body) -> Answer:
        allowed = options(body, "allow_invalid_transition")
        incident = self._held.find(body["id"])
        changes = self._changes(body, incident)
        before = incident.values["stage"]
        after = changes.get("stage", before)
        strays = after != before and after not in org.STAGES[before][1]
        # Enforced for custom objects, not seen so on works (observed by others).
        if strays and self._switches.transitions and not allowed:
            raise RefusedError("bad_request")
        return 200, {"incident": self._held.change(incident, changes, self._me).wire}

    def _changes(self, body: Body, old: Incident | None) -> dict[str, Any]:
        """Read what a write writes, and refuse what the organisation does not allow."""
        if self._held.is_stale and {"custom_fields", "custom_schema_spec"} & body.keys():
            raise RefusedError("stale_schema_fragments")
        held = old.values if old else {}
        changes = self._writer.changes(body, held)
        check_cause(body, {**held, **changes}, always=self._switches.required_by_stage)
        self._held.check_unique(changes, old.id if old else "")
        return changes

    def _delete(self, body: Body) -> Answer:
        self._held.delete(self._held.find(body["id"]).id)
        return 200, {}

    def _list(self, body: Body) -> Answer:
        ids, cursors = self._walks.page(body, lambda: [row.id for row in self._look(body)])
        return 200, {"incidents": self._wires(ids), **cursors}

    def _group(self, body: Body) -> Answer:
        by, switches = body["group_by"], self._switches
        most = self._walks.limit(body, "limit_per_group", switches.default_limit)
        found, cursors = self._walks.page(
            body, lambda: groups.group(self._look(body), by, switches), GROUPS
        )
        return 200, {"groups": [self._entry(key, ids, most) for key, ids in found], **cursors}

    def _entry(self, key: groups.Key, ids: list[str], most: int) -> dict[str, Any]:
        entry: dict[str, Any] = {"key": key, "incidents": self._wires(ids[:most])}
        if self._switches.totals:
            entry["total"] = len(ids)
        if len(ids) > most:
            # How such a cursor is used is told nowhere; here no call takes it.
            entry["next_cursor"] = self._walks.mint()
        return entry

    def _look(self, body: Body) -> list[Incident]:
        references = body.get("sync_metadata", {}).get("external_reference")
        rows = self._query.select(self._held.rows(references), body, self._held.world.now())
        return order(rows, body.get("sort_by") or [self._switches.default_sort])

    def _wires(self, ids: list[str]) -> list[Any]:
        return [row.wire for row in self._held.listed(ids)]
