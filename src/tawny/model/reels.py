"""Input of playback: recordings as packets, in pieces."""

from typing import NamedTuple

from tawny.model.gaps import GapReason
from tawny.model.packets import Packet
from tawny.model.times import Span


class SkippedTime(NamedTuple):
    """Time without a recording. reason: None if no gap explains it."""

    span: Span
    reason: GapReason | None


class ReelPiece(NamedTuple):
    """Next packets by time, and the time skipped before them.

    `pts` count from the start of the file that contains the packets, which `run` identifies.
    """

    packets: list[Packet]
    skipped: SkippedTime | None


class NotCarried(Exception):
    """The recording cannot be delivered in the requested form. The message is for users."""
