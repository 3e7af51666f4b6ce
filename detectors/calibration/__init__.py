"""Probabilities made honest: maps that are fitted once, and what they are worth."""

from .maps import Map, Temperature, Tokens, Vector, VennAbers, map_of

__all__ = ["Map", "Temperature", "Tokens", "Vector", "VennAbers", "map_of"]
