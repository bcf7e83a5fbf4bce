"""What a scan found, as a page."""

import re
from pathlib import Path

from tawny.cli.scan_events import HIGH, WIDE, scan_page


def lines(page: str) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (point.split(",") for point in found.split())]
        for found in re.findall(r'<polyline class="line" points="([^"]*)"', page)
    ]


def test_the_score_is_drawn_second_by_second_with_breaks_where_nobody_looked() -> None:
    page = scan_page("walk", 10.0, {0: 0, 1: 100, 2: 50, 7: 10}, [], None)
    assert lines(page) == [[(60, HIGH), (180, 0), (300, HIGH / 2)], [(900, HIGH * 0.9)]]
    assert "No events." in page
    assert "<video" not in page


def test_events_stand_where_they_were_and_lead_to_their_moment(tmp_path: Path) -> None:
    event = {"start_s": 2.5, "end_s": 5.0, "type": "<b>", "score": 80, "snapshot": "out/a walk-0001.jpg"}
    page = scan_page("a <walk>", 10.0, {}, [event], tmp_path / "a walk.mp4")
    assert f'<rect class="event" x="{WIDE / 4:.1f}" y="0" height="{HIGH}" width="{WIDE / 4:.1f}"/>' in page
    assert 'data-at="2.5"' in page
    assert 'src="a%20walk-0001.jpg"' in page
    assert "a%20walk.mp4" in page
    assert "<b>" not in page
    assert "a &lt;walk&gt;" in page


def test_a_video_without_length_is_drawn_too() -> None:
    assert lines(scan_page("empty", 0.0, {0: 10}, [], None))
