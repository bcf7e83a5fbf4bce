"""Upload rules: which events and recordings a destination receives, in which forms and under which names."""

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final

from tawny.config.targets import UploadKind
from tawny.delivery.outbox import LIKE_PARTS
from tawny.events.rule_engine import FilterDecision, RuleDecision
from tawny.model.ids import CameraId

CLIP_FORMS: Final = ("ts", "mp4", "fmp4", "gif", "sheet")
"""Forms of an event's video, in the order in which they are uploaded."""


@dataclass(frozen=True, slots=True)
class UploadRule:
    """Selects the files that one destination receives."""

    to: str
    names: str
    """Pattern of file names, validated."""
    what: frozenset[UploadKind] = frozenset({"events"})
    """What to upload."""
    cameras: frozenset[CameraId] | None = None
    """None: all cameras."""
    kinds: frozenset[str] | None = None
    follows: bool = True
    """Whether the video of a running event is sent in parts."""
    names_sealed: bool = False
    """Whether `names` also applies to sealed files; otherwise their names reveal nothing."""
    write_only: bool = False
    """Whether nothing can be deleted there: parts stay, in the folder PARTS."""
    zone: tzinfo = UTC
    """Time zone of dates and times in names."""
    local: tzinfo = UTC
    """Time zone of this computer, for `{local:…}`."""
    max_s: float = 0
    """Maximum duration of the video of one event, s, from the beginning of its clip; 0: none."""
    forms: tuple[str, ...] = ("mp4", "jpg")
    """What is uploaded of an event (`service.delivery.event_forms`)."""
    at_once: bool = True
    """Whether the snapshot is uploaded while the event runs, and again when it improves."""
    retention_s: float | None = None
    """How long files are kept there, s; older ones are not sent again. None: no limit."""

    @property
    def clip_forms(self) -> list[str]:
        return [form for form in CLIP_FORMS if form in self.forms]

    @property
    def has_clip(self) -> bool:
        return any(form in self.forms for form in LIKE_PARTS)

    def why_not(self, camera: CameraId, kind: str, *, kept: bool) -> str:
        """Return the reason this destination's settings exclude the event, or an empty string."""
        if self.cameras is not None and camera not in self.cameras:
            return f"{self.to} only receives {', '.join(sorted(self.cameras))}."
        if self.kinds is not None and kind not in self.kinds:
            return f"{self.to} only receives {', '.join(sorted(self.kinds))}."
        if "events" in self.what or ("kept_events" in self.what and kept):
            return ""
        return (
            f"{self.to} only receives kept events."
            if "kept_events" in self.what
            else f"{self.to} doesn't receive events."
        )

    def has(self, camera: CameraId) -> bool:
        return self.cameras is None or camera in self.cameras


def sends(rule: UploadRule, camera: CameraId, kind: str, decision: RuleDecision, *, kept: bool) -> FilterDecision:
    """Apply the destination's settings, then the rules."""
    against = rule.why_not(camera, kind, kept=kept)
    return FilterDecision(decision.does and not against, against or decision.why)
