"""Which events several sounds make: those at once, those of a class that rests, and those that were there before."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tawny.detection.audio import SoundListener, SoundRules
from tawny.detection.sound_classes import SoundNamer, SoundQueue, SoundSettings
from tawny.model.ids import CameraId, RunId
from tawny.model.packets import AudioFormat, Packet
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tests.detection.test_sound import G711, PORCH, RATE, mu_law

PITCH = {"bark": 400, "voices": 900, "glass": 1500, "alarm": 2500}
"""Hz of each class; 3300 Hz has none."""
HOLD_S, COOLDOWN_S = 3.0, 60.0
PART, PARTS = 960, 4
"""Samples of a packet, and packets of a step: 0.12 s and 0.48 s."""
Tone = tuple[float, float, int, float]
"""Begin and end, s, Hz and amplitude."""


class ByPitch:
    """Knows each class by its tone, and counts the seconds that it gets."""

    length, trouble = 15_600, ""

    def __init__(self) -> None:
        self.asked = 0

    def scores(self, camera: CameraId, at_ms: int, samples: Any) -> dict[str, float]:
        self.asked += 1
        strength = np.abs(np.fft.rfft(samples, 16_000)) / len(samples)
        return {name: 0.9 for name, hertz in PITCH.items() if strength[hertz] > 0.008}

    def close(self) -> None:
        """Nothing to release."""


class Collected:
    """The events: begin and end, s after the start, and classes."""

    def __init__(self, begun_ms: int) -> None:
        self._begun_ms = begun_ms
        self.levels = 0
        self.events: list[tuple[float, float, list[str]]] = []

    def on_loudness(self, at_ms: int, db: float, score: int) -> None:
        self.levels += 1

    def classified(self, at_ms: int, names: Sequence[tuple[str, float]]) -> None:
        """Unsure classes are no events."""

    def loud(self, start_ms: int, score: int, names: Sequence[tuple[str, float]]) -> None:
        assert all(end_s for _, end_s, _ in self.events), "the former one has ended"
        self.events.append(((start_ms - self._begun_ms) / 1000, 0.0, [name for name, _ in names]))

    def still_loud(self, score: int, names: Sequence[tuple[str, float]]) -> None:
        known = self.events[-1][2]
        known += [name for name, _ in names if name not in known]

    def quiet(self, end_ms: int) -> None:
        start_s, _, names = self.events[-1]
        self.events[-1] = start_s, (end_ms - self._begun_ms) / 1000, names

    @property
    def first_classes(self) -> list[str]:
        """The class of each event's title; empty without one."""
        return [names[0] if names else "" for _, _, names in self.events]


def heard(
    seconds: float,
    *tones: Tone,
    model: ByPitch | None = None,
    late_ms: Callable[[float], int] = lambda _: 0,
    formats: Callable[[float], AudioFormat] = lambda _: G711,
    cooldown_s: float = COOLDOWN_S,
) -> Collected:
    """Return the events of these tones in faint noise. late_ms: how far packets are behind their time, by seconds."""
    sound = np.random.default_rng(1).normal(0, 0.001, round(seconds * RATE))
    for begin_s, end_s, hertz, loud in tones:
        begin, end = round(begin_s * RATE), round(end_s * RATE)
        sound[begin:end] += loud * np.sin(2 * np.pi * hertz * np.arange(end - begin) / RATE)
    clock, data = FakeClock(), mu_law(sound.clip(-1, 1))
    begun_ms, made, waiting = clock.now_ms(), Collected(clock.now_ms()), list[Packet]()
    names = SoundNamer(PORCH, model, SoundQueue(is_inline=True), SoundSettings()) if model is not None else None
    listener = SoundListener("listen", Hub(), made, clock, SoundRules(50, HOLD_S, cooldown_s), names)
    for n in range(len(data) // PART):
        part, at_s = data[n * PART : (n + 1) * PART], n * PART / RATE
        at_ms = begun_ms + round(at_s * 1000) + late_ms(at_s)
        waiting.append(Packet(RunId("r"), n, formats(at_s), part, n * PART, at_ms, is_keyframe=False))
        if len(waiting) == PARTS:
            clock.advance(max(0, at_ms - clock.now_ms()) / 1000)
            listener.process(waiting)
            waiting = []
    listener.process(waiting)
    listener.close()
    return made


def every(name: str, begin_s: float, end_s: float, pause_s: float, lasts_s: float = 0.7) -> list[Tone]:
    return [(at_s, at_s + lasts_s, PITCH[name], 0.2) for at_s in np.arange(begin_s, end_s, pause_s)]


# --- several sounds at once


def test_glass_and_an_alarm_while_a_dog_barks_are_events_of_their_own() -> None:
    broken, alarm = (25.0, 26.5, PITCH["glass"], 0.4), (38.0, 41.0, PITCH["alarm"], 0.4)
    made = heard(60, *every("bark", 12, 50, 1.6), broken, alarm, model=ByPitch())
    assert made.first_classes == ["bark", "glass", "alarm"]
    starts, ends = [one[0] for one in made.events], [one[1] for one in made.events]
    assert starts == pytest.approx([12, 25, 38], abs=1.1)
    assert ends[:2] == starts[1:] and ends[2] == pytest.approx(50, abs=1.0)
    assert "bark" in made.events[1][2], "what goes on belongs to the new event as well"


@pytest.mark.parametrize("cooldown_s", [60.0, 0.0])
def test_sounds_that_alternate_are_an_event_of_each_class(cooldown_s: float) -> None:
    barks, voices = every("bark", 12, 612, 3), every("voices", 13.5, 612, 3)
    made = heard(620, *barks, *voices, model=ByPitch(), cooldown_s=cooldown_s)
    assert made.first_classes == ["bark", "voices"]


@pytest.mark.parametrize("lasts_s", [1.0, 4.0])
def test_classes_that_follow_each_other_for_long_are_an_event_of_each_also_without_cooldown(lasts_s: float) -> None:
    order = [*PITCH] * round(15 / lasts_s)
    tones = [(12 + n * lasts_s, 12 + (n + 1) * lasts_s, PITCH[name], 0.2) for n, name in enumerate(order)]
    made = heard(80, *tones, model=ByPitch(), cooldown_s=0.0)
    assert made.first_classes == [*PITCH]


def test_without_a_cooldown_a_class_begins_again_once_it_was_quiet() -> None:
    broken = [(at_s, at_s + 1, PITCH["glass"], 0.4) for at_s in (20.0, 40.0)]
    made = heard(50, *every("bark", 12, 30, 1.6), *broken, model=ByPitch(), cooldown_s=0.0)
    assert made.first_classes == ["bark", "glass", "glass"]


def test_sounds_that_alternate_with_pauses_are_an_event_of_each_class_per_cooldown() -> None:
    barks, voices = every("bark", 12, 612, 16), every("voices", 20, 612, 16)
    made = heard(620, *barks, *voices, model=ByPitch())
    for name in ("bark", "voices"):
        starts = [start_s for (start_s, _, names), first in zip(made.events, made.first_classes, strict=True)
                  if first == name and names == [name]]  # fmt: skip
        assert min(np.diff(starts)) > COOLDOWN_S - 2
    assert len(made.events) <= 20


def test_glass_that_breaks_again_much_later_in_one_event_is_an_event_again() -> None:
    broken = [(at_s, at_s + 1, PITCH["glass"], 0.4) for at_s in (20.0, 50.0, 170.0)]
    made = heard(200, *every("bark", 12, 190, 1.6), *broken, model=ByPitch())
    assert made.first_classes == ["bark", "glass", "glass"]


def test_a_class_that_comes_late_is_an_event_after_the_one_without_name() -> None:
    hum = (12.0, 30.0, 3300, 0.3)
    late = heard(40, hum, (20.0, 21.5, PITCH["glass"], 0.4), model=ByPitch())
    assert late.first_classes == ["", "glass"]
    soon = heard(40, hum, (13.0, 14.5, PITCH["glass"], 0.4), model=ByPitch())
    assert soon.first_classes == ["glass"]


# --- a class that rests


def test_an_unknown_sound_after_a_class_that_rests_is_an_event() -> None:
    bang = (31.5, 33.5, 3300, 0.4)
    made = heard(60, *every("bark", 12, 14, 1), (30.0, 31.0, PITCH["bark"], 0.3), bang, model=ByPitch())
    assert made.first_classes == ["bark", ""]
    assert made.events[1][:2] == pytest.approx((32, 33.5), abs=0.6)


def test_an_unknown_sound_that_lasts_is_an_event_although_a_class_that_rests_comes_again() -> None:
    barks = every("bark", 12, 14, 1) + every("bark", 30, 50, 2.9)
    made = heard(60, *barks, (31.0, 48.0, 3300, 0.4), model=ByPitch())
    assert made.first_classes == ["bark", ""]


@pytest.mark.parametrize("lasts_s", [0.3, 0.7, 1.5])
def test_the_last_bit_of_a_class_that_rests_is_no_event(lasts_s: float) -> None:
    barks = every("bark", 20, 70, 5, lasts_s)
    tails = [(end_s, end_s + 0.6, 3300, 0.2) for _, end_s, _, _ in barks]
    assert heard(75, *barks, *tails, model=ByPitch()).first_classes == ["bark"]


# --- what was there before


def test_an_alarm_that_sounds_when_listening_begins_is_an_event() -> None:
    made = heard(60, (0.0, 50.0, PITCH["alarm"], 0.3), model=ByPitch())
    assert made.first_classes == ["alarm"]
    assert made.events[0][0] >= 0 and made.events[0][1] == pytest.approx(50, abs=1.1)
    assert heard(60, (0.0, 50.0, PITCH["alarm"], 0.3)).events == []


def test_an_alarm_in_the_noise_of_a_place_that_was_always_loud_is_an_event() -> None:
    made = heard(120, (0.0, 120.0, 3300, 0.3), (60.0, 75.0, PITCH["alarm"], 0.05), model=ByPitch())
    assert made.first_classes == ["alarm"]
    assert made.events[0][0] == pytest.approx(61, abs=3)


def beeps(begin_s: float, end_s: float, count: int, lasts_s: float, pause_s: float, amplitude: float) -> list[Tone]:
    """An alarm: so many beeps, each as long as the silence after it, and a pause."""
    cycle_s = 2 * lasts_s * count - lasts_s + pause_s
    begins = [at_s + 2 * lasts_s * n for at_s in np.arange(begin_s, end_s - cycle_s, cycle_s) for n in range(count)]
    return [(at_s, at_s + lasts_s, PITCH["alarm"], amplitude) for at_s in begins]


@pytest.mark.parametrize("begin_s", np.arange(45, 51, 0.5))
@pytest.mark.parametrize(
    ("count", "lasts_s", "pause_s", "amplitude"), [(3, 0.5, 1.5, 0.05), (4, 0.1, 5.0, 0.2)], ids=["smoke", "CO"]
)
def test_a_beeping_alarm_in_a_loud_place_is_an_event_soon(
    count: int, lasts_s: float, pause_s: float, amplitude: float, begin_s: float
) -> None:
    alarm = beeps(begin_s, begin_s + 30, count, lasts_s, pause_s, amplitude)
    made = heard(begin_s + 30, (0.0, begin_s + 30, 3300, 0.3), *alarm, model=ByPitch())
    assert made.first_classes == ["alarm"]
    assert made.events[0][0] - begin_s < 20


def test_single_misheard_seconds_are_no_event_also_much_later_and_of_several_classes() -> None:
    names = ["alarm", "glass", "voices", "bark"]
    single = [(at_s, at_s + 0.8, PITCH[names[n % 4]], 0.05) for n, at_s in enumerate(np.arange(60, 300, 4.0))]
    assert heard(300, (0.0, 300.0, 3300, 0.3), *single, model=ByPitch()).events == []
    faint = [(at_s, at_s + 0.4, PITCH["alarm"], 0.03) for at_s in np.arange(60, 600, 60.0)]
    assert heard(600, (0.0, 600.0, 3300, 0.018), *faint, model=ByPitch()).events == []


@pytest.mark.parametrize(("lasts_s", "expected"), [(0.8, []), (5.0, ["alarm"])])
def test_a_class_below_what_is_usual_is_an_event_only_if_it_goes_on(lasts_s: float, expected: list[str]) -> None:
    misheard = [(at_s, at_s + lasts_s, PITCH["alarm"], 0.05) for at_s in np.arange(60, 240, 30.0)]
    made = heard(250, (0.0, 250.0, 3300, 0.3), *misheard, model=ByPitch())
    assert made.first_classes[:1] == expected


def test_a_place_that_is_always_loud_is_classified_every_few_seconds_only() -> None:
    model = ByPitch()
    heard(300, (0.0, 300.0, 3300, 0.3), model=model)
    assert model.asked < 36 / 0.48 + 265 / 2.9


def test_a_quiet_place_is_not_classified() -> None:
    model = ByPitch()
    heard(60, model=model)
    assert model.asked == 0


class FailingOnce(ByPitch):
    """Has failed, and works from the next call on."""

    trouble = "bad allocation"

    def scores(self, camera: CameraId, at_ms: int, samples: Any) -> dict[str, float]:
        self.trouble = ""
        return super().scores(camera, at_ms, samples)


def test_a_model_that_failed_is_asked_once_more_in_silence() -> None:
    model = FailingOnce()
    heard(30, model=model)
    assert (model.asked, model.trouble) == (1, "")


@pytest.mark.parametrize("is_named", [True, False])
def test_an_alarm_that_sounds_on_after_a_pause_is_an_event_again(is_named: bool) -> None:
    """The camera connects again, and what is usual there is not learned from the alarm."""
    made = heard(
        110,
        (18.0, 100.0, PITCH["alarm"], 0.3),
        model=ByPitch() if is_named else None,
        late_ms=lambda at_s: 4000 if at_s > 22 else 0,
    )
    assert made.first_classes == (["alarm"] * 2 if is_named else [""] * 2)
    assert [one[:2] for one in made.events] == [
        pytest.approx(one, abs=1.1) for one in ((18, 22), (82 if is_named else 26, 104))
    ]


def test_a_camera_that_sends_nothing_in_silence_makes_no_event_of_each_bark() -> None:
    """Each bark comes after a pause of the packets."""
    barks = every("bark", 18, 138, 6, 1.5)
    made = heard(144, *barks, model=ByPitch(), late_ms=lambda at_s: 4000 * max(0, int((at_s - 15) / 6)))
    assert len(made.events) <= 200 / COOLDOWN_S + 1


def test_after_a_long_pause_the_place_is_learned_again() -> None:
    made = heard(40, (10.0, 40.0, 3300, 0.3), late_ms=lambda at_s: 601_000 if at_s > 12 else 0)
    assert len(made.events) == 1


def test_audio_that_is_too_short_to_learn_the_place_is_audio() -> None:
    made = heard(12, late_ms=lambda at_s: 660_000 * int(at_s / 4))
    assert made.levels == pytest.approx(12 / 0.48, abs=1)


def test_another_format_is_learned_again() -> None:
    other = replace(G711, codec="pcma")
    made = heard(40, formats=lambda at_s: other if at_s > 20 else G711)
    assert made.events == [], "the same bytes are much louder, but another microphone may be"


def test_a_packet_a_little_early_ends_nothing() -> None:
    made = heard(60, (19.5, 50.0, PITCH["alarm"], 0.3), late_ms=lambda at_s: -200 if at_s == 21 else 0)
    assert [one[:2] for one in made.events] == [pytest.approx((19.5, 50), abs=0.3)]
