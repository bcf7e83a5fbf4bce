"""Settings become the storage's contract; what it cannot keep is said at once."""

import pytest

from tawny.model.ids import CameraId, StreamName
from tawny.service.retention.promises import contract, contradictions, limit_conflicts, needed_bytes
from tests.app.rig import settings

DAY_S = 86_400.0
PORCH, YARD = CameraId("porch"), CameraId("yard")
MAIN, SUB = StreamName.MAIN, StreamName.SUB

BOTH = """
[cameras.porch]
source = "demo:front"
retention = { min = "3 days", max_size = "100 GB", sub = { max = "200 days" } }
[cameras.yard]
source = "demo:front"
"""


def test_the_narrower_wins_and_the_rest_is_inherited() -> None:
    kept = contract(settings(f'[storage]\nretention = {{ min = "5 days", sub = {{ min = "30 days" }} }}\n{BOTH}'))
    assert kept.of(YARD, MAIN).min_s == 5 * DAY_S
    assert kept.of(YARD, SUB).min_s == 30 * DAY_S
    assert kept.of(PORCH, MAIN).min_s == kept.of(PORCH, SUB).min_s == 3 * DAY_S
    assert kept.of(PORCH, MAIN).max_s == 90 * DAY_S
    assert kept.of(PORCH, SUB).max_s == 200 * DAY_S


def test_a_limit_of_room_is_of_whose_table_it_stands_in() -> None:
    kept = contract(
        settings(
            f'[storage]\nretention = {{ max_size = "1 TB", max_files = 9, sub = {{ max_size = "5 GB" }} }}\n{BOTH}'
        )
    )
    assert [(camera, stream, keep.size_bytes, keep.count) for camera, stream, keep in kept.limits()] == [
        (None, None, 10**12, 9),
        (None, SUB, 5 * 10**9, None),
        (PORCH, None, 10**11, None),
        (PORCH, SUB, None, None),
    ]


def test_events_by_kind() -> None:
    keep = contract(settings('[storage]\nretention = { events = { person = "80 days", other = "7 days" } }')).everyone
    assert (keep.event_s("person"), keep.event_s("motion")) == (80 * DAY_S, 7 * DAY_S)
    assert contract(settings("")).everyone.event_s("motion") == 60 * DAY_S


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ('[storage]\nretention = { min = "2 days", max = "7 days" }', []),
        ('[storage]\nretention = { events = "99 days" }', []),
        ('[storage]\nretention = { max = "7 days", events = { person = "99 days" }, min = "2 days" }', []),
        ('[storage]\nretention = { sub = { min = "99 days" } }', ["`storage.retention.sub.min`"]),
        ('[storage]\nretention = { sub = { min = "99 days", max = "1 years" } }', []),
        ('[cameras.porch]\nsource = "demo:front"\nretention = { min = "99 days" }', ["`cameras.porch.retention.min`"]),
    ],
)
def test_r6_a_promise_longer_than_max_is_told_unless_it_is_a_default(text: str, names: list[str]) -> None:
    assert [warn.message.split(" ")[0] for warn in contradictions(settings(text))] == names


def test_events_outlast_max_if_that_is_asked_for() -> None:
    """`max` may be a limit by law: a default does not break it."""
    asked = contract(settings('[storage]\nretention = { min = "2 days", max = "7 days", events = "60 days" }'))
    assert (asked.everyone.max_s, asked.everyone.events_s) == (7 * DAY_S, 60 * DAY_S)
    default = contract(settings('[storage]\nretention = { min = "2 days", max = "7 days" }')).everyone
    assert (default.max_s, default.events_s) == (7 * DAY_S, 7 * DAY_S)
    own = '[cameras.porch]\nsource = "demo:front"\nretention = {{ {} }}'
    camera = contract(settings(own.format('min = "1 days", max = "3 days"'))).of(PORCH, MAIN)
    assert (camera.max_s, camera.events_s) == (3 * DAY_S, 3 * DAY_S)
    camera = contract(settings(own.format('min = "1 days", max = "3 days", events = "9 days"'))).of(PORCH, MAIN)
    assert (camera.max_s, camera.events_s) == (3 * DAY_S, 9 * DAY_S)


def test_a_sub_streams_own_max_is_for_its_events_as_well() -> None:
    kept = contract(settings('[storage]\nretention = { events = "60 days", sub = { max = "5 days", min = "1 days" } }'))
    assert kept.everyone.of(MAIN).events_s == 60 * DAY_S
    assert kept.everyone.of(SUB).events_s == 5 * DAY_S


def test_what_is_promised_needs_room() -> None:
    kept = contract(settings('[storage]\nretention = { min = "10 days", keyframes_after = "4 days" }'))
    rates = {(PORCH, MAIN): (1000.0, 100.0)}
    assert needed_bytes(kept, rates) == 4 * DAY_S * 1000 + 6 * DAY_S * 100


def test_a_cameras_own_limits_are_held_against_its_own_promise() -> None:
    kept = contract(
        settings(
            '[cameras.porch]\nsource = "demo:front"\nretention = { min = "2 days", max_size = "100 MB", '
            "max_files = 100 }"
        )
    )
    rates = {(PORCH, MAIN): (1000.0, 100.0), (YARD, MAIN): (1.0, 1.0)}
    found = [warn.message for warn in limit_conflicts(kept, rates)]
    assert found == [
        "The minimum retention of porch needs 173 MB, but its limit is 100 MB.",
        "The minimum retention needs about 2880 files, but `cameras.porch.retention.max_files` allows 100.",
    ]
