"""Kinds of destinations."""
