"""What can be wrong with a camera's conversation: one word for each, and the error that everybody else knows it by."""

from typing import Literal

from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.gaps import GapEvidence

Reason = Literal[
    "unreachable", "refused", "login-refused", "not-found", "busy", "redirect-refused", "open-timeout", "not-rtsp",
    "sdp", "no-video", "transport", "certificate", "framing", "picture-too-big", "header-too-long", "body-too-long",
    "stall", "closed", "reset", "bye", "session", "mixed", "waiting-key", "bad-parameters", "no-parameters",
]  # fmt: skip

FORM: frozenset[Reason] = frozenset({"sdp", "framing", "no-video", "no-parameters"})
"""Faults that another client may not have: about the form of what came, not about the camera."""

_ERRORS: dict[Reason, type[SourceError]] = {
    "unreachable": SourceUnreachable,
    "open-timeout": SourceUnreachable,
    "login-refused": SourceRefused,
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
"""All others are a plain SourceError."""


class ConversationFault(Exception):
    """The conversation is over. detail: for people, no secrets, no full stop."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail

    def error(self, where: str, evidence: GapEvidence | None = None) -> SourceError:
        """As everybody else knows it. where: the address without its login."""
        made = _ERRORS.get(self.reason, SourceError)(where, self.detail, evidence or GapEvidence(self.reason))
        made.__cause__ = self
        return made


def reason_of(error: SourceError) -> Reason | None:
    """The word behind an error of ours."""
    return error.__cause__.reason if isinstance(error.__cause__, ConversationFault) else None
