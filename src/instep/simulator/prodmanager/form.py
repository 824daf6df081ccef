"""How a form fills a ProdManager incident, and what it says of each mistake."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from instep.simulator.prodmanager.incident import PHASE_DATES, SEVERITIES, STATUSES, TEXTS
from instep.simulator.prodmanager.text import REQUIRED, broken, failed, is_link, parse, tidy

# Per status: the dates that may be sent, and which of them becomes now when it is not.
PHASES = {
    "active": ((), None),
    "investigating": (PHASE_DATES[:1], "investigation_date"),
    "stable": (PHASE_DATES[:2], "stable_date"),
    "resolved": (PHASE_DATES, "resolve_date"),
}


class Form:
    """Reads a create or an update; all mistakes are reported at once."""

    def __init__(
        self,
        form: Mapping[str, Any],
        now: datetime,
        *,
        places: Mapping[str, Collection[int]],
        takes_nul: bool = True,
    ) -> None:
        """Read ``form``; ``now`` is the server's local time, ``places`` its ids by kind."""
        self._form = form
        self._now = now
        self._places = places
        self._takes_nul = takes_nul
        self._reasons: dict[str, list[str]] = {}

    def create(self) -> dict[str, Any]:
        """Answer a new row; a status and phase dates are ignored."""
        values = self._common()
        self._finish("Incident creation failed")
        return {**values, "status": "active", **dict.fromkeys(PHASE_DATES)}

    def update(self) -> dict[str, Any]:
        """Answer the whole new row; what was left out is emptied or becomes now."""
        values = self._common()
        values["status"] = self._choice("status", STATUSES)
        sent = {name: self._optional_date(name) for name in PHASE_DATES}
        self._finish("Incident update failed")
        allowed, at_once = PHASES[values["status"]]
        dates = {name: sent[name] if name in allowed else None for name in PHASE_DATES}
        if at_once and dates[at_once] is None:
            dates[at_once] = self._now
        return {**values, **dates}

    def _finish(self, message: str) -> None:
        if self._reasons:
            raise failed(400, message, **self._reasons)

    def _common(self) -> dict[str, Any]:
        self._check_link()
        return {
            "name": self._name(),
            **{name: self._text(name) for name in TEXTS},
            "scope": self._place("scope"),
            "service": self._place("service"),
            "severity": self._choice("severity", SEVERITIES),
            "start_impact_date": self._start(),
        }

    def _wrong(self, name: str, reason: str) -> None:
        self._reasons[name] = [reason]

    def _text(self, name: str) -> str | None:
        return tidy(self._form.get(name), takes_nul=self._takes_nul)

    def _name(self) -> str | None:
        name = self._text("name")
        if not name or not name.strip():
            self._wrong("name", REQUIRED)
        elif len(self._form["name"]) < 4:
            self._wrong("name", "Field must be at least 4 characters long.")
        return name

    def _check_link(self) -> None:
        # Null is not the same as left out here.
        sent = self._form.get("external_link", "")
        if sent is None or (isinstance(sent, str) and sent.strip() and not is_link(sent)):
            self._wrong("external_link", "Invalid URL.")

    def _place(self, name: str) -> int:
        sent = self._form.get(name)
        if sent is None or sent == "":
            self._wrong(name, REQUIRED)
            return 0
        number = int(sent) if str(sent).isdecimal() else 0
        if number not in self._places[name]:
            self._wrong(name, "Not a valid choice.")
        return number

    def _choice(self, name: str, known: tuple[str, ...]) -> str:
        sent = self._form.get(name)
        if sent not in known:
            self._wrong(name, REQUIRED)
        return str(sent)

    def _start(self) -> datetime | None:
        name = "start_impact_date"
        return self._date(name, REQUIRED) if name in self._form else self._now

    def _optional_date(self, name: str) -> datetime | None:
        if self._form.get(name, "") == "":
            return None
        return self._date(name, "Not a valid datetime value.")

    def _date(self, name: str, mistake: str) -> datetime | None:
        text = self._form[name]
        if not isinstance(text, str):
            raise broken()
        date = parse(text)
        if date is None:
            self._wrong(name, mistake)
        return date
