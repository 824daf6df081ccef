"""How Datadog tells the incidents that a world begins with."""

from __future__ import annotations

from typing import Any

from instep.simulator.datadog.types import IncidentType
from instep.simulator.seed import Story

STATES = {"active": "active", "investigating": "active", "stable": "stable"}


def seeded(story: Story, number: int, kind: IncidentType) -> dict[str, Any]:
    """Tell ``story`` as Datadog keeps it; many people never note the impact on customers."""
    noted = story.phase == "stable" or number % 3 == 0
    named = [one for one in kind.definitions["severity"].choices if one != "UNKNOWN"]
    # Numbered from SEV-0 where there is one, of which no story is bad enough.
    usual = [one for one in named if one != "SEV-0"]
    return {
        "title": story.title,
        "kind": kind,
        "created": story.opened,
        "declared": story.opened,
        "detected": story.opened,
        "modified": story.changed,
        "resolved": story.resolved,
        "customer_impacted": noted,
        "customer_impact_scope": f"Customers of {story.part}" if noted else None,
        "customer_impact_start": story.started if noted else None,
        "customer_impact_end": story.mitigated if noted else None,
        "commander": story.owner if story.acknowledged else None,
        "fields": {
            "severity": usual[min(story.severity, len(usual) - 1)] if usual else named[0],
            "state": STATES.get(story.phase, "resolved"),
            "summary": story.summary,
            "services": [story.part],
            "detection_method": "monitor",
        },
    }
