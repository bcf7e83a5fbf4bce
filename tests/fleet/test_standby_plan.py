"""What a recorder tells its standby: encrypted, and when a camera may be recorded."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tawny.fleet.standby_plan import StandbyCamera, StandbyPlan, look_up
from tawny.sealed.key_wrapping import Identity

SOURCE = "rtsp://viewer:horse-battery@192.0.2.7/main"
PLAN = StandbyPlan(("http://192.0.2.5:8000",), (StandbyCamera("front", "Front door", {"source": SOURCE}),))
NOON_MS = 1_000_000


def test_a_plan_is_opened_by_the_standby_alone() -> None:
    key = Identity.new()
    sealed = PLAN.sealed(key.recipient)
    assert b"horse-battery" not in sealed
    assert StandbyPlan.opened(sealed, key) == PLAN
    with pytest.raises(ValueError, match="another key"):
        StandbyPlan.opened(sealed, Identity.new())


@pytest.mark.parametrize("changes", [((1e999, True),), (("1", True),), ((1, 1),), ((1,),), 7])
def test_changes_that_are_no_times_are_refused(changes: Any) -> None:
    key = Identity.new()
    front = StandbyCamera("front", "Front", {}, changes=((NOON_MS, False), (NOON_MS + 1, True)), is_weekly=True)
    assert StandbyPlan.opened(StandbyPlan((), (front,)).sealed(key.recipient), key).cameras == (front,)
    with pytest.raises(ValueError, match="plan"):
        StandbyPlan.opened(StandbyPlan((), (replace(front, changes=changes),)).sealed(key.recipient), key)


@pytest.mark.parametrize(
    ("ahead_ms", "at_ms", "may"),
    [
        (50_000, -1, True),
        (50_000, 0, False),
        (50_000, 300_000, True),
        (-50_000, 0, False),
        (200_000, -200_001, True),
        (200_000, -200_000, False),
        (200_000, 299_999, False),
        (200_000, 300_000, True),
        (-200_000, 0, False),
        (-200_000, 499_999, False),
        (-200_000, 500_000, True),
    ],
)
def test_a_private_mode_holds_by_the_recorders_clock_and_by_both_if_they_differ_much(
    ahead_ms: int, at_ms: int, may: bool
) -> None:
    """at_ms: since its begin, by the recorder's clock. It lasts for five minutes."""
    front = StandbyCamera("front", "Front", {}, changes=((NOON_MS, False), (NOON_MS + 300_000, True)))
    assert (front.hindrance(NOON_MS + at_ms + ahead_ms, ahead_ms) == "") is may


@pytest.mark.parametrize("cut", [0, 1, 2, 50, 250, -1])
def test_a_damaged_plan_is_none(cut: int) -> None:
    key = Identity.new()
    with pytest.raises(ValueError, match="plan"):
        StandbyPlan.opened(PLAN.sealed(key.recipient)[:cut], key)


def test_one_that_is_changed_is_none() -> None:
    key = Identity.new()
    sealed = bytearray(PLAN.sealed(key.recipient))
    sealed[-20] ^= 1
    with pytest.raises(ValueError, match="plan"):
        StandbyPlan.opened(bytes(sealed), key)


def test_a_plan_that_does_not_fit_into_a_message_is_refused() -> None:
    noise = json.dumps([str(hash(str(number))) for number in range(60_000)])
    plan = StandbyPlan((), (StandbyCamera("front", "Front", {"source": SOURCE, "noise": noise}),))
    with pytest.raises(ValueError, match="too large"):
        plan.sealed(Identity.new().recipient)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://192.0.2.5:8000/admin?reset=1#x", ("http://192.0.2.5:8000",)),
        ("https://u:secret@barn.example.org", ("https://barn.example.org",)),
        ("http://[2001:db8::5]:8000", ("http://[2001:db8::5]:8000",)),
        ("http://169.254.169.254", ()),
        ("http://2852039166", ()),
        ("http://[::ffff:169.254.169.254]:80", ()),
        ("http://[fe80::1]:80", ()),
        ("http://0.0.0.0:8000", ()),
        ("http://0:8000", ()),
        ("http://[::]:8000", ()),
        ("http://127.0.0.1:8000", ()),
        ("http://localhost:8000", ()),
        ("http://[::1]:8000", ()),
        ("http://192.0.2.5:99999", ()),
        ("file:///etc/passwd", ()),
        ("http:///x", ()),
    ],
)
def test_a_recorder_is_asked_at_its_host_and_port_alone(address: str, expected: tuple[str, ...]) -> None:
    key = Identity.new()
    assert StandbyPlan.opened(StandbyPlan((address,)).sealed(key.recipient), key).addresses == expected


WEEK_AGO = ((NOON_MS - 8 * 86_400_000, False), (NOON_MS - 7 * 86_400_000, True), (NOON_MS - 2 * 86_400_000, False))
PAUSED = {"is_due": False, "why_off": "it is paused there"}


@pytest.mark.parametrize(
    ("camera", "expected"),
    [
        ({}, ""),
        ({"why_not": "a webcam"}, "a webcam"),
        (PAUSED, "it is paused there"),
        (PAUSED | {"due_from_ms": NOON_MS + 1}, "it is paused there"),
        (PAUSED | {"due_from_ms": NOON_MS}, ""),
        ({"due_until_ms": NOON_MS + 1}, ""),
        ({"due_until_ms": NOON_MS}, "it should not be recorded at this time"),
        (PAUSED | {"due_from_ms": NOON_MS - 9, "due_until_ms": NOON_MS}, "it should not be recorded at this time"),
        ({"is_due": False}, "it should not be recorded"),
        ({"changes": ((NOON_MS - 9, False), (NOON_MS, True))}, ""),
        ({"changes": ((NOON_MS - 9, False), (NOON_MS + 1, True))}, "it should not be recorded at this time"),
        (PAUSED | {"changes": ((NOON_MS, True),)}, ""),
        ({"changes": ((NOON_MS - 9, True), (NOON_MS - 5, False))}, "it should not be recorded at this time"),
        ({"changes": WEEK_AGO, "is_weekly": True}, ""),
        ({"changes": WEEK_AGO}, "it should not be recorded at this time"),
    ],
)
def test_when_a_camera_may_be_recorded(camera: dict[str, object], expected: str) -> None:
    assert StandbyCamera("front", "Front", {}, **camera).hindrance(NOON_MS) == expected  # type: ignore[arg-type]


def test_names_are_looked_up_side_by_side_and_unknown_ones_have_no_address() -> None:
    names = ["localhost", *(f"camera-{number}.invalid" for number in range(20))]
    found = look_up(names)
    assert {"127.0.0.1", "::1"} & set(found["localhost"])
    assert not any(found.get(name) for name in names[1:])
    assert look_up([]) == {}
