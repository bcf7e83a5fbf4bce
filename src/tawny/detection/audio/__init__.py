"""Loud sounds, and what they are: `listener.py` first."""
