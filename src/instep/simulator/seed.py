"""Believable incidents: what happened, when, to what, and who saw to it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

PEOPLE = ("ana@example.com", "ben@example.com", "chloe@example.com", "dmitri@example.com")
PARTS = ("Checkout", "Search", "Notifications", "Payments", "Storefront")
PHASES = ("active", "investigating", "stable", "resolved")

# What people write first differs by where they write it, so no title is in two services.
SYMPTOMS = {
    "devrev": (
        ("latency above 5 s", "The 95th percentile rose sharply after the last deployment."),
        ("answers 503 to one request in ten", "The load balancer sees unhealthy instances."),
        ("workers run out of memory", "Workers restart every few minutes; the queue grows."),
        ("shows stale data", "The cache is not invalidated when a record changes."),
        ("rejects valid sessions", "People are sent back to the login page at random."),
        ("loses events under load", "The consumer falls behind and the broker drops the oldest."),
    ),
    "datadog": (
        ("error rate above 4%", "Monitor fired: 5xx responses exceed the threshold."),
        ("database connections exhausted", "The pool is at its limit on the primary."),
        ("certificate expires within a day", "Automatic renewal failed twice."),
        ("queue depth keeps growing", "The oldest message is more than ten minutes old."),
        ("disk 95% full", "Log rotation stopped; at this rate it is full in two hours."),
        ("no data from one zone", "Agents in one availability zone stopped reporting."),
    ),
    "prodmanager": (
        ("unavailable for some customers", "Customers report an error page."),
        ("slower than usual", "Pages take several seconds to load.\n\nWe are looking into it."),
        ("e-mails arrive late", "Messages are delayed by up to an hour."),
        ("cannot be reached from mobile apps", "The app shows a connection error."),
        ("maintenance takes longer than planned", "Work on the network is not finished yet."),
        ("shows wrong prices", "Some prices are shown without tax."),
    ),
}


@dataclass(frozen=True, slots=True)
class Story:
    """One incident, before any service has given it its own shape.

    ``severity`` is 0 (worst) to 3; ``phase`` is one of ``PHASES``. ``acknowledged``,
    ``mitigated`` and ``resolved`` are set as far as the phase has come, in that order, and all
    instants lie before ``changed``, which lies in the past.
    """

    title: str
    summary: str
    part: str
    owner: str
    severity: int
    phase: str
    started: datetime
    opened: datetime
    acknowledged: datetime | None
    mitigated: datetime | None
    resolved: datetime | None
    changed: datetime


def stories(service: str, count: int, rng: random.Random, now: datetime) -> list[Story]:
    """Tell ``count`` incidents of the fortnight before ``now``, oldest first."""
    step = timedelta(days=14) / max(count, 1)
    first = now.astimezone(UTC) - timedelta(days=15)
    # A chance of its own, or services with equal seeds would have incidents at equal times.
    own = random.Random(f"{service}/{rng.getrandbits(64)}")
    return [_story(service, number, own, first + number * step) for number in range(count)]


def _story(service: str, number: int, rng: random.Random, about: datetime) -> Story:
    title, summary, part = _words(service, number)
    phase = PHASES[number % len(PHASES)]
    reached = PHASES.index(phase)
    started = (about + timedelta(minutes=rng.randrange(30))).replace(second=0, microsecond=0)
    opened = started + timedelta(minutes=2, microseconds=rng.randrange(60_000_000))
    times = _steps(opened, rng)
    return Story(
        title,
        summary,
        part,
        owner=PEOPLE[rng.randrange(len(PEOPLE))],
        severity=rng.randrange(4),
        phase=phase,
        started=started,
        opened=opened,
        acknowledged=times[0] if reached >= 1 else None,
        mitigated=times[1] if reached >= 2 else None,
        resolved=times[2] if reached >= 3 else None,
        changed=(times[reached - 1] if reached else opened) + timedelta(seconds=40),
    )


def _words(service: str, number: int) -> tuple[str, str, str]:
    symptoms = SYMPTOMS[service]
    part = PARTS[number % len(PARTS)]
    # Parts and symptoms advance at different speeds, so that each pair comes before one repeats.
    symptom, summary = symptoms[(number + number // (len(PARTS) * len(symptoms))) % len(symptoms)]
    again = number // (len(PARTS) * len(symptoms))
    return f"{part} {symptom}" + (f" ({again + 1})" if again else ""), summary, part


def _steps(opened: datetime, rng: random.Random) -> list[datetime]:
    times: list[datetime] = []
    at = opened.replace(second=0, microsecond=0)
    for _ in range(3):
        at += timedelta(minutes=5 + rng.randrange(90))
        times.append(at)
    return times
