"""Parts of an event's video that its clip replaces at the destination, once it has arrived."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.delivery.outbox import LIKE_PARTS, REPLACED, Outbox
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.playback.clips import MOST_COVERED_S
from tawny.playback.recordings import JOIN_MS
from tawny.service.delivery.event_forms import form_of

REMOVAL_MS: Final = 30_000
"""Delay, ms, before parts are removed, so that a part being sent at that time has arrived."""
RECORDED: Final = "recorded"
"""Key, in a part's content, of the times in its span that were recorded, ms UTC; the others are no loss."""
LONGEST_MASKED_MS: Final = round(MOST_COVERED_S * 1000)


def replaced_parts(
    outbox: Outbox, clip: Delivery, held: Sequence[Span], now_ms: int, *, write_only: bool = False
) -> list[Delivery]:
    """Return the removals of an event's parts that this delivery replaces, once it has arrived.

    held: the recorded times that are in the clip. Parts stay that have more of the event, and wait again if a full
    queue dropped them for this clip, unless it had arrived before. write_only: return the parts as dropped: nothing can
    be removed, but what waits need not be sent.
    """
    if clip.event is None or not is_whole_video(clip):
        return []
    whole, there = span_of(clip), merge_spans([*held], join_ms=JOIN_MS)
    has_rest = whole.end_ms - whole.begin_ms == LONGEST_MASKED_MS  # else the event ends there
    replaced = list[Delivery]()
    for piece in outbox.of_event(clip.event):
        if piece.to != clip.to or piece.what is not DeliveryKind.PIECE:
            continue
        recorded = [Span(*one) for one in piece.content.get(RECORDED, ())] or [span_of(piece)]
        needed = (one if has_rest else one.cut_to(whole) for one in recorded)
        waiting = replace(piece, state=DeliveryState.WAITING, tries=0, why="", progress="", done_ms=None)
        if any(one and missing_spans(there, one) for one in needed):
            replaced += [waiting] if piece.why == REPLACED and clip.done_ms is None else []
        elif write_only:
            replaced.append(replace(piece, state=DeliveryState.DROPPED))
        else:
            removal = replace(waiting, what=DeliveryKind.REMOVAL, needs=None, size_bytes=0)
            replaced.append(replace(removal, next_ms=now_ms + REMOVAL_MS))
    return replaced


def is_whole_video(delivery: Delivery) -> bool:
    """Return whether a delivery is the clip that replaces an event's parts."""
    is_clip = delivery.what is DeliveryKind.CLIP and "to_ms" in delivery.content
    return is_clip and form_of(delivery) in LIKE_PARTS


def span_of(cut: Delivery) -> Span:
    """Return the time that a clip or a part was to be cut from."""
    return Span(int(cut.content["from_ms"]), int(cut.content["to_ms"]))
