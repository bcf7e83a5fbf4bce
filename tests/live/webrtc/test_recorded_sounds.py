from tawny.live.webrtc.live_sender import recorded_sounds
from tawny.model.ids import RunId
from tawny.model.packets import Packet
from tawny.testing.clips import ClipSpec, made_clip
from tests.live.cameras import RUN, START_MS, numbered, sound


def test_telephone_sound_is_heard_by_who_agreed_on_it_alone() -> None:
    packet = next(numbered(sound("pcmu", seconds=0.1)))
    for name, is_heard in (("pcmu", True), ("opus", True), ("pcma", False), ("", False)):
        assert (recorded_sounds(name)(packet) is not None) == is_heard


def test_other_sound_is_turned_and_stands_for_the_instant_at_which_it_is_heard() -> None:
    clip = made_clip(ClipSpec(seconds=2.0, sound="aac"))
    heard = recorded_sounds("opus")
    pieces = []
    for number, one in enumerate(each for each in clip.packets if not each.is_video):
        at_ms = START_MS + one.pts * 1000 // one.format.rate
        packet = Packet(RUN, number, one.format, one.data, one.pts + 90 * one.format.rate, at_ms, is_keyframe=False)
        sounds = heard(packet)
        assert sounds
        pieces += sounds.take(packet)
    assert len(pieces) > 80
    assert abs(pieces[0].at_ms - START_MS) < 100
    assert abs(pieces[-1].at_ms - START_MS - 2_000) < 150


def test_the_sound_of_the_next_segment_is_heard_from_its_begin() -> None:
    """Its timestamps begin at zero once more."""
    heard, counts = recorded_sounds("opus"), [0, 0]
    clip = [one for one in made_clip(ClipSpec(seconds=2.0, sound="aac")).packets if not one.is_video]
    for number, one in enumerate([*clip, *clip]):
        later = number >= len(clip)
        at_ms = START_MS + 2_000 * later + one.pts * 1000 // one.format.rate
        packet = Packet(RunId(f"segment-{later}"), number, one.format, one.data, one.pts, at_ms, is_keyframe=False)
        sounds = heard(packet)
        assert sounds
        counts[later] += len(sounds.take(packet))
    assert counts[1] == counts[0] > 80
