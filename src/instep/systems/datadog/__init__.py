"""Datadog Incident Management: its connector, and the places of its incidents."""

from instep.systems.datadog.connector import Datadog
from instep.systems.datadog.words import PLACES

__all__ = ["PLACES", "Datadog"]
