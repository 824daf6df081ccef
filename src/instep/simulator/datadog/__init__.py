"""Datadog Incident Management: its double."""

from instep.simulator.datadog.service import DatadogSimulator

__all__ = ["DatadogSimulator"]
