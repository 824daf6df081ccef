"""The connectors: one file a system, each behind the same Protocol."""
