"""Doubles of the three services, with their traps, as stateful ASGI applications.

They share no code with the connectors, so that a mistake there is not repeated here. What a
docstring calls *observed* was seen of the real service; *assumed* stands where nothing was found.
"""
