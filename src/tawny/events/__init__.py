"""Events: grouped from observations, plus modes, presence and rules."""

from tawny.events.event_builder import EventBuilder, close_left_open

__all__ = ["EventBuilder", "close_left_open"]
