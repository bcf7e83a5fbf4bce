"""Finds cameras: in the local network and on this computer. Nothing is sent before a user asks."""
