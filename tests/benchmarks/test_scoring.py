"""The scorer's rules, by hand."""

from typing import Any

import pytest

from benchmarks.scoring import Clip, Figures, quantile, score

EVENTS = [{"start_s": 30, "end_s": 40, "what": "person"}, {"start_s": 43, "end_s": 50, "what": "person"}]


def _clip(**truth: Any) -> Clip:
    whole = {"events": EVENTS, "quiet": [[0, 28], [55, 100]], "edge_tolerance_s": 1.0} | truth
    return Clip.of({"file": "a.mp4", "duration_s": 100, "fps": 10, "truth": whole})


def test_without_alarms_nothing_is_found() -> None:
    figures = score(_clip(), [])
    assert (figures.events, figures.found, figures.incidents, figures.told, figures.false) == (2, 0, 1, 0, 0)
    assert figures.f1 == 0.0
    assert [span for _, span in figures.missed] == [(30, 40), (43, 50)]


def test_one_alarm_over_an_incident_finds_its_events_and_tells_it() -> None:
    figures = score(_clip(), [(30.5, 50)])
    assert (figures.found, figures.prompt, figures.told, figures.false, figures.merged) == (2, 2, 1, 0, 0)
    assert figures.late_s == [0.5]
    assert figures.f1 == pytest.approx(1.0)


@pytest.mark.parametrize(("begin", "prompt"), [(31.9, 1), (32.1, 0)])
def test_prompt_is_within_two_seconds(begin: float, prompt: int) -> None:
    assert score(_clip(), [(begin, 35)]).prompt == prompt


def test_an_alarm_of_another_object_tells_while_one_lasts_and_can_be_false() -> None:
    restless = [(5, 60)]
    assert score(_clip(), restless).told == 0
    assert score(_clip(), [*restless, (30.5, 40)]).told == 1
    assert (score(_clip(), restless).false, score(_clip(), [*restless, (10, 12)]).false) == (1, 2)


@pytest.mark.parametrize(("begin", "false"), [(10.0, 1), (26.9, 1), (27.1, 0), (51.1, 0), (60.0, 1)])
def test_an_alarm_that_starts_in_quiet_time_is_false(begin: float, false: int) -> None:
    assert score(_clip(), [(begin, begin + 0.5)]).false == false


def test_what_is_ignored_or_near_a_cut_is_not_judged() -> None:
    clip = _clip(ignore=[{"start_s": 5, "end_s": 10}], hard_cuts_s=[70])
    assert score(clip, [(6, 7), (69.5, 71)]).false == 0
    assert score(clip, []).quiet_s == 28 + 45 - 5 - 2


def test_an_alarm_in_a_disturbance_is_counted_apart() -> None:
    clip = _clip(nuisance=[{"start_s": 60, "end_s": 65}])
    figures = score(clip, [(61, 62)])
    assert (figures.false, figures.disturbed) == (0, 1)


def test_an_alarm_over_all_is_found_out() -> None:
    figures = score(_clip(), [(0, 100)])
    assert (figures.found, figures.strict) == (2, 0)
    assert figures.quiet_share == 1.0


def test_one_alarm_over_two_incidents_merges_them() -> None:
    events = [{"start_s": 30, "end_s": 35}, {"start_s": 60, "end_s": 65}]
    assert score(_clip(events=events, quiet=[]), [(30, 65)]).merged == 1
    assert score(_clip(events=events, quiet=[]), [(30, 36), (60, 65)]).merged == 0


def test_an_alarm_without_length_was_on_for_a_frame() -> None:
    assert score(_clip(), [(35, 35)]).found == 1


def test_figures_add_up() -> None:
    one, two = score(_clip(), [(30, 50)]), score(_clip(), [(10, 11)])
    whole = one + two + Figures()
    assert (whole.events, whole.found, whole.false, len(whole.missed)) == (4, 2, 1, 2)
    assert whole.false_an_hour == pytest.approx(3600 / (2 * 73))


def test_quantiles_lie_between_the_values() -> None:
    assert quantile([], 0.5) is None
    assert quantile([1.0, 3.0], 0.5) == 2.0
    assert quantile([5.0], 0.9) == 5.0
