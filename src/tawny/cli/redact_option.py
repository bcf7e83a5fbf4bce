"""The `--redact` options of `tawny export`."""

from tawny.cli.options import instant
from tawny.model.errors import NotDone, UsageError
from tawny.model.geometry import Polygon
from tawny.model.ids import EventId
from tawny.model.times import Span
from tawny.playback.recordings import RecordingIndex
from tawny.playback.redaction_areas import Redaction, SubjectMark

_ALL_BUT = "all-but:"
_HOW = "Use corners from 0 to 1, for example '0.1,0.2 0.5,0.9', or 'all-but:0.4,0.6@05:58:12', or 'all-but:EVENT'."


def redaction(words: list[str], past: RecordingIndex, within: Span) -> Redaction:
    """Return the redaction. Raises UsageError: for invalid text; NotDone: for an unknown event."""
    areas = tuple(_area(word) for word in words if not word.startswith(_ALL_BUT))
    marks = tuple(_mark(word.removeprefix(_ALL_BUT), past, within) for word in words if word.startswith(_ALL_BUT))
    return Redaction(areas, marks)


def redacted_words(shown_s: int | None, within: Span) -> str:
    """Return the notice about the redaction.

    shown_s: seconds the subject is visible; None without an `all-but` mark.
    """
    seconds = "" if shown_s is None else f" One person or object is visible in {shown_s} of {within.seconds:.0f} s."
    return f" REDACTED, no sound.{seconds} Watch the whole clip before you hand it over."


def _area(word: str) -> Polygon:
    corners = [_point(corner, word) for corner in word.split()]
    if len(corners) == 2:
        (x0, y0), (x1, y1) = corners
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    try:
        return Polygon.of(corners)
    except ValueError as error:
        raise UsageError(f"--redact {word!r} isn't a valid area: it must have {error}.", _HOW) from None


def _mark(word: str, past: RecordingIndex, within: Span) -> SubjectMark:
    where, has_time, when = word.partition("@")
    if "," in where:
        x, y = _point(where, word)
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise UsageError(f"--redact {_ALL_BUT}{word} is outside the image.", _HOW)
        at_ms = instant(when, within.begin_ms) if has_time else within.begin_ms
        if not within.begin_ms <= at_ms <= within.end_ms:
            raise UsageError(f"--redact {_ALL_BUT}{word} is outside the exported time.", "Choose another time.")
        return SubjectMark(at_ms, x, y)
    event = past.event(EventId(word))
    if event is None or event.box is None:
        raise NotDone(f"No event {word} with a person or object in it.", "See `tawny events`.")
    x0, y0, x1, y1 = event.box
    return SubjectMark(event.picture_ms or event.start_ms, (x0 + x1) / 2, (y0 + y1) / 2)


def _point(text: str, word: str) -> tuple[float, float]:
    x, _, y = text.partition(",")
    try:
        return float(x), float(y)
    except ValueError:
        raise UsageError(f"--redact {word!r} is invalid.", _HOW) from None
