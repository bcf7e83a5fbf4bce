"""The lease of one recorder at its standby: when it ends, the standby takes over.

A lease starts a recorder, it never stops one: while it is not known which one records a camera, both do. Single thread;
the caller supplies the time, s monotonic.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

LEASE_S: Final = 3.0
"""Length of a lease: after this time of silence the standby asks the recorder itself, and takes over."""
PRESENT_S: Final = 1.0
"""Interval in s at which a recorder says that it is here."""
SETTLE_S: Final = 2 * LEASE_S
"""Time in s after the standby's start, and after each connection, in which silence has no effect."""
RETURN_S: Final = 10.0
"""Time in s for which a recorder that is back must have recorded a camera before its standby ends recording it."""


class LeaseState(StrEnum):
    WAITING = "waiting"
    """The standby has just started, or the recorder has connected again but not renewed its lease yet."""
    HELD = "held"
    """The recorder is here."""
    ASKING = "asking"
    """It was silent for too long, and is asked itself once."""
    ANSWERED = "answered"
    """It is silent here, but answered that it records: the connection is bad, and nothing is taken over."""
    TAKEN = "taken"
    """The standby records its cameras."""


class Lease:
    """is_needed is True once it must be asked whether the recorder records; `answer` takes the result."""

    def __init__(self, now_s: float) -> None:
        self.state = LeaseState.WAITING
        self._ends_s = self._settled_s = now_s + SETTLE_S
        self._recorded_since_s: dict[str, float] = {}

    def connect(self, now_s: float) -> None:
        """The recorder has connected: what it was before counts until it says that it is here."""
        self._settled_s = now_s + SETTLE_S
        self._ends_s = max(self._ends_s, self._settled_s)
        if self.state in (LeaseState.HELD, LeaseState.ANSWERED, LeaseState.ASKING):
            self.state = LeaseState.WAITING

    def renew(self, now_s: float, recorded: Collection[str]) -> None:
        """The recorder is here. recorded: cameras that it records."""
        self.state = LeaseState.HELD
        self._ends_s = max(now_s + LEASE_S, self._settled_s)
        self._recorded_since_s = {camera: self._recorded_since_s.get(camera, now_s) for camera in recorded}

    def is_settled(self, now_s: float) -> bool:
        """Return whether the recorder is here, and silence from now on would have an effect."""
        return self.state is LeaseState.HELD and now_s >= self._settled_s

    def ends(self, now_s: float) -> bool:
        """Return True once if the lease has ended: the recorder itself must be asked now."""
        if now_s < self._ends_s or self.state in (LeaseState.ASKING, LeaseState.TAKEN):
            return False
        self.state = LeaseState.ASKING
        self._recorded_since_s.clear()
        return True

    def answer(self, now_s: float, *, is_recording: bool) -> None:
        """Take what the recorder itself has answered; False: nothing, or that it doesn't record."""
        if self.state is not LeaseState.ASKING:
            return  # it has renewed its lease meanwhile
        self.state = LeaseState.ANSWERED if is_recording else LeaseState.TAKEN
        self._ends_s = now_s + LEASE_S

    def has_returned(self, camera: str, now_s: float) -> bool:
        """Return whether the recorder has recorded a camera for RETURN_S without a break."""
        since_s = self._recorded_since_s.get(camera)
        return self.state is LeaseState.HELD and since_s is not None and now_s - since_s >= RETURN_S
