"""What playing is fed with: recordings as packets, piece by piece."""

from typing import NamedTuple

from tawny.model.gaps import GapReason
from tawny.model.packets import Packet
from tawny.model.times import Span


class SkippedTime(NamedTuple):
    """Time that nothing is recorded in. reason: None where nobody noted one."""

    span: Span
    reason: GapReason | None


class ReelPiece(NamedTuple):
    """What comes next: packets by their instants, and what was passed over to get there.

    Their `pts` count from the begin of the file that they lie in, which their `run` stands for.
    """

    packets: list[Packet]
    skipped: SkippedTime | None


class NotCarried(Exception):
    """What is recorded cannot be given in the way that was asked for; its words tell why, for people."""
