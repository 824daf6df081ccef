"""Datadog Incident Management: its connector."""

from instep.systems.datadog.connector import Datadog

__all__ = ["Datadog"]
