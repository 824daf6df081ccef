"""Datadog Incident Management."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from instep.simulator.datadog import beside, config, core, org, related, types
from instep.simulator.datadog.facets import envelope
from instep.simulator.datadog.gate import FORBIDDEN, Gate, at_the_gateway, trouble, wanting
from instep.simulator.datadog.held import Holder
from instep.simulator.datadog.incident import Incident
from instep.simulator.datadog.writes import RefusedError, Writer
from instep.simulator.wire import JSON, Call, Reply, as_json
from instep.simulator.world import World

ROUTES = [
    (method, re.compile(pattern), permission, answer)
    for method, pattern, permission, answer in (
        *config.ROUTES,
        *core.ROUTES,
        *beside.ROUTES,
        *related.ROUTES,
    )
]
INCIDENTS = "/api/v2/incidents"


@dataclass(eq=False, repr=False)
class DatadogSimulator(Holder):
    """Datadog's incidents, as far as a connector meets them.

    ``token``: the application key, or the OAuth token, that is accepted; ``None`` takes any.
    ``incidents``: how many there are to begin with.
    ``extra_fields``: more custom fields of the default type, by name, each with its kind.

    Switches, for what differs from organisation to organisation and what no source tells:

    ``search_lag``: seconds by which search lags behind writes; that it lags is observed.
    ``ignores_unknown``: unknown attributes and fields are dropped instead of refused.
    ``reopening_clears_resolved``: reopening an incident empties its time of resolution.
    ``noop_moves``: a PATCH without effect moves ``modified`` too, not only an account's first.
    ``side_writes_move``: attachments, impacts, integrations and todos move ``modified``.
    ``keeps_empty_lists``: an emptied list field reads as ``[]``, not as null.
    ``clamps_pages``: a page size over 100 is taken for 100 instead of refused.
    ``allows_delete``: incidents may be deleted; a setting that is off unless switched on.
    ``delete_refusal``: the status, 403 or 400, where they may not.
    ``sees_private``: the key may see private incidents that it takes no part in.
    ``private_by_default``: new incidents are private.
    ``private_shortens_pages``: private incidents leave holes in pages instead of no trace.
    ``severities``: the organisation's own severities, with commas between; empty is the usual.
    ``completed``: there is a state ``completed`` behind ``resolved``.
    ``mirrors``: severity and state stand beside the fields once more; old shapes lack them.
    ``slug_source``: ``default``, or ``servicenow`` where slugs show a ServiceNow record.
    ``reference_field``: the default type has the text array ``external_reference``.
    ``security_type``: there is a second type, of every third incident, without that field.
    ``notification_rule``: a rule pages somebody of every incident declared, though not imported.
    ``timeline``: the unofficial endpoint is ``absent``, or has its text in ``content`` or
    ``message``.
    ``facet_bloat``: kilobytes of facets that come with every search.
    ``quota``: requests answered in each period, 0 for no limit; beyond it they get 429.
    ``period``: seconds of such a period, which begins with the clock's.
    ``html_429``: the edge answers for the quota, with a page of HTML and no headers.
    ``lacks``: permissions that the key's owner does not have, with commas between.
    ``enabled``: the organisation has Incident Management; without it the listing is a 404.
    ``wrong_site``: the key is one of another site, which is refused like a bad one.
    """

    world: World
    _: KW_ONLY
    token: str | None = None
    incidents: int = 8
    extra_fields: Mapping[str, str] | None = None
    search_lag: float = 2.0
    ignores_unknown: bool = False
    reopening_clears_resolved: bool = True
    noop_moves: bool = True
    side_writes_move: bool = False
    keeps_empty_lists: bool = False
    clamps_pages: bool = False
    allows_delete: bool = True
    delete_refusal: int = 403
    sees_private: bool = False
    private_by_default: bool = False
    private_shortens_pages: bool = False
    severities: str = ""
    completed: bool = True
    mirrors: bool = True
    slug_source: str = "default"
    reference_field: bool = True
    security_type: bool = False
    notification_rule: bool = False
    timeline: str = "absent"
    facet_bloat: int = 0
    quota: int = 0
    period: int = 60
    html_429: bool = False
    lacks: str = ""
    enabled: bool = True
    wrong_site: bool = False

    name = "datadog"

    def __post_init__(self) -> None:
        """Hold the seeded incidents.

        Raises:
            ValueError: a switch has a value that it cannot have.
        """
        self._judge()
        super().__init__(
            self.world,
            types.Types(*self._types()),
            self.search_lag,
            clears=self.reopening_clears_resolved,
            noop_moves=self.noop_moves,
        )
        self.writer = Writer(
            self.types,
            self.people,
            ignores_unknown=self.ignores_unknown,
            keeps_empty=self.keeps_empty_lists,
        )
        self._gate = Gate(
            self.world, self.token, wanting(self.lacks), self.quota, self.period, self.html_429
        )
        self.seed(self.incidents)

    def _judge(self) -> None:
        """Refuse what no switch can be set to."""
        limits = {
            "search_lag": self.search_lag >= 0,
            "delete_refusal": self.delete_refusal in (400, 403),
            "slug_source": self.slug_source in ("default", "servicenow"),
            "timeline": self.timeline in beside.TIMELINES,
            "facet_bloat": self.facet_bloat >= 0,
            "quota": self.quota >= 0,
            "period": self.period > 0,
            # One to ten of them, besides UNKNOWN (documented).
            "severities": len({*self._severities()} - {"UNKNOWN"}) in range(1, 11),
        }
        for name, is_good in limits.items():
            if not is_good:
                message = f"{name} cannot be {getattr(self, name)!r}"
                raise ValueError(message)

    def _types(self) -> list[types.IncidentType]:
        """Make the incident types that the switches ask for, the default first."""
        states = types.STATES if self.completed else types.STATES[:-1]
        reference = {types.REFERENCE: "textarray"} if self.reference_field else {}
        more = {"Default": {**reference, **(self.extra_fields or {})}}
        if self.security_type:
            more["Security Incident"] = {}
        ids = dict(zip(more, (types.INCIDENT_TYPE, types.SECURITY_TYPE), strict=False))
        return [
            types.IncidentType(
                ids[name],
                name,
                types.stock(ids[name], self._severities(), states, added),
                self._settings(),
                has_mirrors=self.mirrors,
            )
            for name, added in more.items()
        ]

    def _severities(self) -> tuple[str, ...]:
        named = tuple(one.strip() for one in self.severities.split(",") if one.strip())
        return named or types.SEVERITIES

    def _settings(self) -> dict[str, Any]:
        return {
            "allow_incident_deletion": self.allows_delete,
            "editable_timestamps": False,
            "private_incidents": True,
            "private_incidents_by_default": self.private_by_default,
            "slug_source": self.slug_source,
            "test_incidents": True,
        }

    def handle(self, call: Call) -> Reply:
        """Answer one request."""
        refusal = self._gate.count()
        if refusal:
            return refusal
        try:
            reply = self._route(call)
        except RefusedError as refused:
            reply = as_json({"errors": refused.errors}, refused.status, kind=refused.kind)
        return Reply(reply.status, reply.body, {**reply.headers, **self._gate.headers()})

    def _route(self, call: Call) -> Reply:
        if self.wrong_site:
            return as_json(at_the_gateway({"errors": FORBIDDEN.errors}, 403), 403)
        if call.path in config.VALIDATE:
            return config.validate(call)
        self._gate.admit(call)
        is_absent = call.path.startswith(INCIDENTS) and not self.enabled
        for method, pattern, permission, answer in [] if is_absent else ROUTES:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                self._gate.permit(permission)
                return answer(self, call, *match.groups())
        raise RefusedError("Not Found", 404)

    def trouble(self, kind: str, call: Call) -> Reply:
        """Answer in trouble; 429 says in seconds when to come back."""
        if kind == "empty" and call.path.endswith("/search"):
            body = envelope([], 0, 0, self.types.everything())
            return Reply(200, body, {"content-type": JSON})
        if kind == "empty":
            return core.shown([], 0, 0)
        if kind == "429":
            return self._gate.too_many(self.world.retry_after)
        return trouble(kind)

    def is_write(self, call: Call) -> bool:
        """Answer whether the method is not GET."""
        return call.method != "GET"

    def sees(self, incident: Incident) -> bool:
        """Answer whether the key's owner may see an incident."""
        return not incident.is_private or self.sees_private or org.BOT.id in incident.people

    def seen(self, incident_id: str) -> Incident | None:
        """Answer an incident if it is there and the key's owner may see it."""
        incident = self.held.get(incident_id)
        return incident if incident and self.sees(incident) else None

    def show(self, incident_id: str) -> Incident:
        """Answer an incident, or refuse: one that may not be seen looks like none (assumed)."""
        incident = self.seen(incident_id)
        if incident is None:
            raise RefusedError(f"incident {incident_id} not found", 404)
        return incident

    def birth(self, kind: types.IncidentType) -> dict[str, Any]:
        """Answer what a new incident is by itself."""
        return {"kind": kind} | ({"visibility": "private"} if self.private_by_default else {})

    def page(self, changes: Mapping[str, Any], *, is_declared: bool) -> None:
        """Page the handles that a write names, and those of the rule for new incidents."""
        self.notified += len(changes.get("notification_handles") or ())
        self.notified += self.notification_rule and is_declared
