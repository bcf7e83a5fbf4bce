"""Modes and rules at work."""
