"""The engine: the story of a cycle, in the order that only this package knows."""
