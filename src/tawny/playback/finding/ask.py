"""A question in words, and its answer: for the command line and the web."""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.playback.archive import Past
from tawny.playback.finding.question import NOBODY, Question, Recognised
from tawny.playback.finding.search import find
from tawny.playback.finding.words import Known, question_of
from tawny.watch.objects.labels import COCO

RECENT = 200
"""Events whose labels and zones are known as words, beside those of models and settings."""


def ask(
    index: Past,
    text: str,
    cameras: Mapping[CameraId, str],
    zones: Iterable[str],
    zone: ZoneInfo,
    now_ms: int,
    most: int,
    recognised: Recognised = NOBODY,
) -> tuple[Question, list[Event]]:
    """cameras: with their names. zones: of the settings. zone: of the clock on the wall. most: answers."""
    recent = index.events(Span(0, now_ms + 1), limit=RECENT).events
    labels = {one.label for event in recent for one in event.objects}
    places = {name for event in recent for name in event.zones}
    readers = {"plates", *(read.by for event in recent for read in event.reads)}
    known = Known(cameras, {*zones, *places}, {*COCO, *labels}, tuple(recognised.names), readers)
    question = question_of(text, known, zone, now_ms)
    return question, find(index, question, most, now_ms, recognised.words)
