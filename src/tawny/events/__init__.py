"""Observations to events."""
