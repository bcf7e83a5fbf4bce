"""Packets to segments."""
