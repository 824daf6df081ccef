"""The daemon: cycles on a schedule, and a clean stop."""
