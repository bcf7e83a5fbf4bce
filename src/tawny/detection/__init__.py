"""Frames to observations."""
