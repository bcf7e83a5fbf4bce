"""The gate's decisions, from packets alone: nothing is decoded here."""

import random

import pytest

from tawny.detection.decode_pipeline import (
    EDGE_MS,
    FAR_APART,
    MISSED,
    MISSES,
    DecodeGate,
    GateAudit,
    GateMode,
    PacketSizeWaker,
)
from tawny.model.ids import RunId
from tawny.model.observations import Look, Observation
from tawny.model.packets import Packet, VideoFormat

LARGE, SMALL = VideoFormat("h264", 1920, 1080, ()), VideoFormat("h264", 640, 360, ())
WHOLE = (0.0, 0.0, 1.0, 1.0)


def packet(at_s: float, size: int = 1000, *, key: bool = False, video: VideoFormat = LARGE, run: str = "a") -> Packet:
    return Packet(RunId(run), round(at_s * 1000), video, bytes(size), round(at_s * 90_000), round(at_s * 1000), key)


def fed(mode: GateMode, gap_s: float, video: VideoFormat = LARGE) -> DecodeGate:
    """Six groups of pictures of a camera have passed by."""
    gate = DecodeGate(mode, random.Random(1))
    for n in range(6):
        gate.pass_by(packet(n * gap_s, key=True, video=video))
    return gate


def thing(since_ms: int) -> Look:
    return Look(80, (Observation("motion", 0.8, WHOLE, 1, since_ms),))


@pytest.mark.parametrize(
    ("mode", "gap_s", "may"),
    [
        (GateMode.BALANCED, 1, True),
        (GateMode.BALANCED, 2.5, True),
        (GateMode.BALANCED, 2.6, False),
        (GateMode.BALANCED, 10, False),
        (GateMode.FRUGAL, 5, True),
        (GateMode.FRUGAL, 10, False),
        (GateMode.THOROUGH, 1, False),
    ],
)
def test_it_sleeps_only_where_keyframes_come_often(mode: GateMode, gap_s: float, may: bool) -> None:
    assert fed(mode, gap_s).may_sleep == may


def test_before_the_gap_is_known_everything_is_decoded() -> None:
    gate = DecodeGate(GateMode.BALANCED)
    gate.pass_by(packet(0, key=True))
    gate.pass_by(packet(1, key=True))
    assert gate.gap_s is None
    assert not gate.may_sleep


def test_one_late_keyframe_is_enough_to_stay_awake() -> None:
    gate = fed(GateMode.BALANCED, 1)
    gate.pass_by(packet(9, key=True))
    assert not gate.may_sleep


def test_a_pause_between_two_runs_is_no_gap() -> None:
    gate = fed(GateMode.BALANCED, 1)
    assert gate.is_new_run(packet(900, key=True, run="b"))
    gate.pass_by(packet(900, key=True, run="b"))
    gate.pass_by(packet(901, key=True, run="b"))
    assert gate.gap_s == 1


def test_a_keyframe_that_does_not_come_wakes() -> None:
    gate = fed(GateMode.BALANCED, 1)
    assert not gate.pass_by(packet(8))
    assert gate.pass_by(packet(8.3))


@pytest.mark.parametrize(
    ("mode", "gap_s", "looked_at_s"),
    [
        (GateMode.BALANCED, 2, [2, 4, 6, 8]),
        (GateMode.BALANCED, 1, [2, 4, 6, 8]),
        (GateMode.BALANCED, 0.5, [2.5, 5, 7.5]),
        (GateMode.FRUGAL, 2, [4, 8]),
        (GateMode.FRUGAL, 1, [5]),
        (GateMode.FRUGAL, 4, [4, 8]),
    ],
)
def test_asleep_it_looks_as_rarely_as_the_mode_allows(mode: GateMode, gap_s: float, looked_at_s: list[float]) -> None:
    gate = fed(mode, gap_s)
    slept, looked = packet(0, key=True), []
    for n in range(1, int(9 / gap_s) + 1):
        keyframe = packet(n * gap_s, key=True)
        if not gate.passes(slept, keyframe):
            looked.append(n * gap_s)
            slept = keyframe
    assert looked == looked_at_s


def test_once_it_may_not_sleep_no_keyframe_is_passed_over() -> None:
    gate = fed(GateMode.FRUGAL, 1)
    gate.audit.misses = MISSES
    assert not gate.passes(packet(0, key=True), packet(1, key=True))


def test_keyframes_far_apart_are_told_with_what_to_change_where_it_matters() -> None:
    assert fed(GateMode.BALANCED, 10).trouble == FAR_APART.format(gap=10)
    assert fed(GateMode.BALANCED, 10, SMALL).trouble == ""
    assert fed(GateMode.BALANCED, 2).trouble == ""
    assert fed(GateMode.THOROUGH, 10).trouble == ""


def test_one_lost_keyframe_is_not_told() -> None:
    gate = fed(GateMode.BALANCED, 2)
    gate.pass_by(packet(14, key=True))
    assert not gate.may_sleep
    assert gate.trouble == ""


# --- sizes ------------------------------------------------------------------------------------------------------------


def calm(sizes: PacketSizeWaker, groups: int, size: int = 1000, vary: int = 0) -> int:
    """So many groups of 2 s at 5 pictures a second; how often it asked to wake."""
    chance, woke = random.Random(1), 0
    for n in range(groups):
        for i in range(1, 10):
            woke += sizes.add(packet(2 * n + i / 5, size + chance.randint(-vary, vary)))
        sizes.was_calm()
        sizes.keyframe()
    return woke


def test_packets_much_larger_than_calm_ones_wake() -> None:
    sizes = PacketSizeWaker()
    calm(sizes, 10)
    assert [sizes.add(packet(20 + i / 5, 4000)) for i in range(4)] == [False, False, False, True]


def test_what_varies_by_itself_does_not() -> None:
    assert calm(PacketSizeWaker(), 300, vary=700) == 0


def test_while_little_is_known_sizes_say_nothing() -> None:
    sizes = PacketSizeWaker()
    calm(sizes, 2)
    assert not any(sizes.add(packet(20 + i / 5, 9000)) for i in range(9))


def test_waking_for_nothing_raises_the_bar_for_a_while() -> None:
    sizes = PacketSizeWaker()
    calm(sizes, 10)
    for _ in range(3):
        sizes.note_false_wake()
    assert not any(sizes.add(packet(20 + i / 5, 1800)) for i in range(4))
    calm(sizes, 300)
    assert any(sizes.add(packet(20 + i / 5, 1800)) for i in range(4))


# --- audit ------------------------------------------------------------------------------------------------------------


def test_one_group_in_so_many_is_audited() -> None:
    audit = GateAudit(40, random.Random(1))
    assert sum(audit.is_due() for _ in range(40_000)) == pytest.approx(1000, rel=0.1)


def test_after_a_miss_it_looks_more_often() -> None:
    audit = GateAudit(40, random.Random(1))
    audit.misses = 1
    assert sum(audit.is_due() for _ in range(40_000)) == pytest.approx(4000, rel=0.1)


def test_what_began_before_the_audited_keyframe_was_missed_once() -> None:
    audit = GateAudit(40, random.Random(1))
    audit.begin(10_000)
    for at_ms in (9000, 9200, 9400):
        audit.look(at_ms, thing(8500))
    assert (audit.audits, audit.misses, audit.failed) == (1, 1, False)


@pytest.mark.parametrize("since_ms", [10_000 - EDGE_MS, 10_500])
def test_what_begins_at_the_keyframe_or_later_was_not(since_ms: int) -> None:
    audit = GateAudit(40, random.Random(1))
    audit.begin(10_000)
    audit.look(11_000, thing(since_ms))
    assert audit.misses == 0


def test_what_is_seen_without_an_audit_was_not_missed() -> None:
    audit = GateAudit(40, random.Random(1))
    audit.begin(10_000)
    audit.over()
    audit.look(20_000, thing(5000))
    assert audit.misses == 0


def test_more_than_one_miss_is_no_chance_and_it_says_so() -> None:
    gate = fed(GateMode.BALANCED, 2)
    for n in range(MISSES):
        assert gate.may_sleep
        gate.audit.begin(20_000 + n)
        gate.audit.look(19_500, thing(19_000))
    assert not gate.may_sleep
    assert gate.trouble == MISSED
