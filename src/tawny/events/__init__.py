"""Observations to events."""

from tawny.events.maker import EventMaker
from tawny.events.recover import close_left_open

__all__ = ["EventMaker", "close_left_open"]
