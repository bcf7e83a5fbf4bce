"""Reasons why an RTSP session fails, and their mapping to SourceErrors."""

from typing import Literal

from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceLoginWeaker,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.gaps import GapEvidence

Reason = Literal[
    "unreachable", "refused", "login-refused", "login-weaker", "not-found", "busy", "redirect-refused",
    "open-timeout", "not-rtsp", "sdp", "no-video", "transport", "certificate", "framing", "picture-too-big",
    "header-too-long", "body-too-long", "stall", "closed", "reset", "bye", "session", "mixed", "waiting-key",
    "bad-parameters", "no-parameters",
]  # fmt: skip

FORM: frozenset[Reason] = frozenset({"sdp", "framing", "no-video", "no-parameters"})
"""Faults in the format of the data, which another client may handle."""

_ERRORS: dict[Reason, type[SourceError]] = {
    "unreachable": SourceUnreachable,
    "open-timeout": SourceUnreachable,
    "login-refused": SourceRefused,
    "login-weaker": SourceLoginWeaker,
    "not-found": SourceNotFound,
    "redirect-refused": SourceRedirected,
    "sdp": SourceUnusable,
    "no-video": SourceUnusable,
    "picture-too-big": SourceUnusable,
    "waiting-key": SourceUnusable,
    "bad-parameters": SourceUnusable,
    "no-parameters": SourceUnusable,
    "stall": SourceStalled,
    "closed": SourceClosed,
    "reset": SourceClosed,
    "bye": SourceClosed,
    "session": SourceClosed,
}
"""All other reasons map to SourceError."""


class ConversationFault(Exception):
    """The session failed. detail: text for users, without secrets and final period."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail

    def error(self, where: str, evidence: GapEvidence | None = None) -> SourceError:
        """Convert to a SourceError. where: the address without credentials."""
        made = _ERRORS.get(self.reason, SourceError)(where, self.detail, evidence or GapEvidence(self.reason))
        made.__cause__ = self
        return made


def reason_of(error: SourceError) -> Reason | None:
    """Return the reason behind a SourceError; None if it has none."""
    return error.__cause__.reason if isinstance(error.__cause__, ConversationFault) else None
