"""Loud sounds are told from the quiet of the place, by their level; and named by a model, if there is one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.detection.audio import LoudnessMeter, NoiseFloor, SoundListener, SoundRules
from tawny.detection.sound_classes import (
    GROUPS,
    LENGTH,
    SoundClassifier,
    SoundModel,
    SoundNamer,
    SoundQueue,
    SoundSettings,
    UserSoundModel,
    log_mel,
)
from tawny.media.audio import Resampler, SoundDecoder, ToAac
from tawny.model.errors import NotDone
from tawny.model.events import SOUND_TITLES
from tawny.model.ids import CameraId, RunId
from tawny.model.packets import AudioFormat, Packet, VideoFormat
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.contracts import SoundModelContract
from tawny.testing.waiting import until
from tests.detection import onnx_bytes

RATE = 8000
G711 = AudioFormat("pcmu", RATE, 1)
VIDEO = VideoFormat("h264", 640, 360, ())


def mu_law(samples: Any) -> bytes:
    """ITU-T G.711, straight from its definition."""
    size = np.minimum(np.abs(samples) * 32768, 32635).astype(np.int64) + 132
    chord = np.floor(np.log2(size)).astype(np.int64) - 7
    code = ~(np.where(samples < 0, 0x80, 0) | chord << 4 | (size >> (chord + 3)) & 15)
    return bytes((code & 0xFF).astype(np.uint8))


def noise(seconds: float, loud: float, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(0, loud, round(seconds * RATE)).astype(np.float32).clip(-1, 1)


class Told:
    def __init__(self) -> None:
        self.what: list[tuple[Any, ...]] = []
        self.names: list[str] = []
        self.classified_as: list[str] = []
        self.db: list[float] = []

    def on_loudness(self, at_ms: int, db: float, score: int) -> None:
        self.db.append(db)

    def classified(self, at_ms: int, names: Sequence[tuple[str, float]]) -> None:
        self.classified_as += [name for name, _ in names]

    def loud(self, start_ms: int, score: int, names: Sequence[tuple[str, float]]) -> None:
        self.what.append(("loud", start_ms, score))
        self.names += [name for name, _ in names]

    def still_loud(self, score: int, names: Sequence[tuple[str, float]]) -> None:
        self.names += [name for name, _ in names]

    def quiet(self, end_ms: int) -> None:
        self.what.append(("quiet", end_ms))


PORCH = CameraId("porch")


def listen(
    sound: Any,
    level: int = 50,
    model: SoundModel | None = None,
    hold_s: float = 1.0,
    wanted: SoundSettings | None = None,
    cooldown_s: float = 0.0,
    *,
    unnamed: bool = True,
) -> Told:
    clock, hub, answer, queue = FakeClock(), Hub(keep_s=30), Told(), SoundQueue()
    names = SoundNamer(PORCH, model, queue, wanted or SoundSettings()) if model is not None else None
    rules = SoundRules(level, hold_s, cooldown_s, unnamed)
    listener = SoundListener("listen", hub, answer, clock, rules, names)
    begun_ms, part = clock.now_ms(), RATE // 25
    for n in range(len(sound) // part):
        data = mu_law(sound[n * part : (n + 1) * part])
        at_ms = begun_ms + n * 40
        if n % 50 == 0:
            hub.append(Packet(RunId("r"), n + n // 50, VIDEO, b"", n * 3600, at_ms, is_keyframe=True))
        hub.append(Packet(RunId("r"), n + n // 50 + 1, G711, data, n * part, at_ms, is_keyframe=False))
        clock.advance(0.04)
        if n % 12 == 11:
            listener.step()
            queue.step()
    listener.step()
    listener.close()
    queue.step()
    answer.what = [(what[0], (what[1] - begun_ms) / 1000, *what[2:]) for what in answer.what]
    return answer


def test_loudness_is_below_full_scale() -> None:
    whole = np.sin(np.arange(RATE) * 0.5).astype(np.float32)
    assert list(LoudnessMeter(RATE).add(whole)) == pytest.approx([-3.0] * 10, abs=0.3)
    assert list(LoudnessMeter(RATE).add(whole / 10)) == pytest.approx([-23.0] * 10, abs=0.3)


def test_a_bark_is_told_with_its_begin_and_end() -> None:
    sound = np.concatenate([noise(10, 0.003), noise(2, 0.2), noise(8, 0.003)])
    result = listen(sound)
    assert [what[0] for what in result.what] == ["loud", "quiet"]
    assert result.what[0][1] == pytest.approx(10, abs=0.2)
    assert result.what[0][2] > 50
    assert result.what[1][1] == pytest.approx(12, abs=0.2)
    assert max(result.db) > -20


@pytest.mark.parametrize(("level", "is_told"), [(30, True), (50, False), (100, False)])
def test_the_level_decides(level: int, is_told: bool) -> None:
    """11 dB above the quiet is a score of 37."""
    sound = np.concatenate([noise(10, 0.003), noise(1, 0.0107), noise(4, 0.003)])
    assert bool(listen(sound, level).what) == is_told


def test_a_pause_within_the_hold_is_the_same_sound() -> None:
    sound = np.concatenate([noise(8, 0.003), noise(1, 0.2), noise(0.7, 0.003), noise(1, 0.2), noise(4, 0.003)])
    assert [what[0] for what in listen(sound).what] == ["loud", "quiet"]
    assert [what[0] for what in listen(sound, hold_s=0.5).what] == ["loud", "quiet"] * 2


def test_a_click_is_nothing() -> None:
    sound = noise(15, 0.003)
    sound[10 * RATE + 50 : 10 * RATE + 60] = 0.9
    assert listen(sound).what == []


def test_what_stays_loud_becomes_the_quiet() -> None:
    rain = np.concatenate([noise(10, 0.003), noise(150, 0.03)])
    result = listen(rain)
    assert [what[0] for what in result.what] == ["loud", "quiet"]
    assert result.what[1][1] < 90
    quiet = NoiseFloor()
    for db in [-60.0] * 60 + [-30.0] * 20:
        quiet.score(db)
    assert quiet.db < -59


def test_digital_silence_is_no_reason_to_be_frightened() -> None:
    assert listen(np.concatenate([np.zeros(10 * RATE, np.float32), noise(5, 0.0004)])).what == []


def test_the_first_seconds_are_only_learnt() -> None:
    assert listen(noise(4, 0.3)).what == []


def test_aac_is_heard_as_loud_as_it_is() -> None:
    tone = (0.5 * np.sin(np.arange(RATE * 2) * 0.35)).astype(np.float32)
    to_aac = ToAac(G711)
    packets = to_aac.encode(mu_law(tone), 0) + to_aac.finish()
    decoder = SoundDecoder(to_aac.format)
    samples = np.concatenate([decoder.decode(packet.data) for packet in packets])
    assert len(samples) >= RATE * 2
    assert np.median(list(LoudnessMeter(RATE).add(samples))) == pytest.approx(-9.0, abs=0.7)


def test_rubbish_is_no_sound() -> None:
    config = ToAac(G711).format
    assert len(SoundDecoder(config).decode(b"\xff\xf1rubbish")) == 0
    assert len(SoundDecoder(AudioFormat("pcma", RATE, 2)).decode(b"\x55\x55\x55")) == 1


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_packets_are_brought_to_another_rate_as_one_stream(rate: int) -> None:
    """A tone stays one: no echo of the packets' edges. What is above the new rate's half doesn't come back as other."""
    at_s = np.arange(2 * rate) / rate
    for hertz, least_db in ((1000, -0.1), (10_000, -200.0)):
        if hertz < rate / 2:
            resampler, tone = Resampler(rate, 16_000), np.sin(2 * np.pi * hertz * at_s).astype(np.float32)
            made = np.concatenate([resampler.resample(tone[at : at + 1024]) for at in range(0, len(tone), 1024)])
            assert abs(len(made) - 32_000) < 64
            power = np.abs(np.fft.rfft(made[2000:-2000] * np.blackman(len(made) - 4000))) ** 2
            is_tone = abs(np.fft.rfftfreq(len(made) - 4000, 1 / 16_000) - hertz) < 20
            whole_db = 10 * np.log10(2 * np.mean(np.square(made[2000:-2000])))
            assert least_db <= whole_db <= (0.1 if hertz < 8000 else -30)
            assert hertz > 8000 or power[~is_tone].sum() < 1e-6 * power[is_tone].sum()


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two classes: the mean of the samples, and its opposite; `High` for what lies above 0."""
    pytest.importorskip("onnxruntime")
    file = tmp_path / "model.onnx"
    file.write_bytes(onnx_bytes.mean_model(16))
    return file


def scores(model: SoundModel, samples: Any) -> dict[str, float]:
    found = model.scores(PORCH, 0, np.asarray(samples, np.float32))
    return {name: round(score, 2) for name, score in found.items()}


def test_a_model_names_a_sound(model: Path) -> None:
    made = SoundClassifier(model, ["High", "Low"])
    assert made.length == 16
    assert scores(made, np.full(40, 0.9)) == {"High": 0.9, "Low": 0.0}
    assert scores(made, np.full(3, -4.8)) == {"High": 0.0, "Low": 0.9}
    assert scores(made, np.full(16, 7.0)) == {"High": 1.0, "Low": 0.0}


def test_loud_sounds_get_their_names(model: Path) -> None:
    loud = np.concatenate([noise(8, 0.003), np.abs(noise(2, 0.3)), noise(3, 0.003)])
    result = listen(loud, model=SoundClassifier(model, ["High", "Low"]), wanted=SoundSettings(0.1))
    assert set(result.names) == {"High"}
    assert [what[0] for what in result.what] == ["loud", "quiet"]


def test_what_is_wrong_with_a_model_is_told(model: Path) -> None:
    with pytest.raises(NotDone, match="has 2 classes, but there are 3 labels"):
        SoundClassifier(model, ["One", "Two", "Three"])
    with pytest.raises(NotDone, match="isn't a log-mel spectrogram"):
        SoundClassifier(model, ["One", "Two"], is_log_mel=True)
    model.write_bytes(b"no model at all")
    with pytest.raises(NotDone, match="can't be used"):
        SoundClassifier(model, ["One", "Two"])


# --- sounds that people know -----------------------------------------------------------------------------------------

LABELS = ["Shatter", "Smoke detector, smoke alarm", "Bark"]
CLASSES = ["glass", "alarm", "bark"]


def tones(seconds: float, *hz: float, fades_s: float = 10.0) -> Any:
    at_s = np.arange(round(seconds * RATE)) / RATE
    return sum(np.sin(2 * np.pi * one * at_s) for one in hz) / len(hz) * np.exp(-at_s / fades_s)


def glass(rng: Any) -> Any:
    """A bang of noise, then pieces that ring high."""
    made = 0.5 * rng.normal(0, 1, round(0.9 * RATE)) * np.exp(-np.arange(round(0.9 * RATE)) / (0.06 * RATE))
    for _ in range(12):
        begin = rng.integers(0, round(0.5 * RATE))
        piece = 0.3 * tones(0.3, *rng.uniform(2300, 3900, 2), fades_s=0.08)
        made[begin : begin + len(piece)] += piece[: len(made) - begin]
    return made


def alarm(_: Any) -> Any:
    """Three beeps of 3 kHz and a pause: the temporal-three pattern of smoke alarms."""
    beep, rest = 0.4 * tones(0.5, 3000), np.zeros(RATE // 2)
    return np.concatenate([beep, rest, beep, rest, beep, rest, np.zeros(RATE)])


def bark(rng: Any) -> Any:
    pitch = rng.uniform(420, 560)
    one = 0.6 * tones(0.2, pitch, 2 * pitch, 3 * pitch, fades_s=0.08)
    return np.concatenate([one, np.zeros(round(0.3 * RATE)), one, np.zeros(round(0.3 * RATE))])


MAKERS: dict[str, Callable[[Any], Any]] = {"glass": glass, "alarm": alarm, "bark": bark}


def among_noise(*parts: Any, before_s: float = 8.0, after_s: float = 6.0) -> Any:
    sound = np.concatenate([np.zeros(round(before_s * RATE)), *parts, np.zeros(round(after_s * RATE))])
    return (sound + noise(len(sound) / RATE, 0.003)[: len(sound)]).astype(np.float32).clip(-1, 1)


def at_16_khz(samples: Any) -> Any:
    return Resampler(RATE, 16_000).resample(samples)


def fitted_model() -> bytes:
    """A small ONNX model of log-mel spectrograms, fitted to made sounds of other seeds than the tests use."""
    rng, bands, given, meant = np.random.default_rng(5), 64, [], []
    for _ in range(60):
        for number, name in enumerate([*CLASSES, ""]):
            made = MAKERS[name](rng) if name else np.zeros(2 * RATE)
            made = np.concatenate([np.zeros(RATE), made, np.zeros(RATE)])
            made += rng.normal(0, rng.choice([1e-9, 0.003]), len(made))
            begin = RATE + rng.integers(-RATE // 2, RATE // 4)
            window = at_16_khz(made[begin : begin + 2 * RATE].astype(np.float32))[:LENGTH]
            given.append(np.append(log_mel(window, bands).mean(axis=0), 1.0))
            meant.append(np.eye(4)[number][:3])
    fit = np.linalg.lstsq(np.array(given), np.array(meant), rcond=1e-4)[0]
    return onnx_bytes.spectrum_model(96, bands, fit[:-1], fit[-1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> SoundClassifier:
    pytest.importorskip("onnxruntime")
    file = tmp_path_factory.mktemp("sounds") / "made.onnx"
    file.write_bytes(fitted_model())
    return SoundClassifier(file, LABELS, is_log_mel=True)


class TestClassifier(SoundModelContract):
    LABEL = LABELS[CLASSES.index("glass")]

    @pytest.fixture(autouse=True)
    def _model(self, trained: SoundClassifier) -> None:
        self.trained = trained

    def make(self) -> SoundClassifier:
        return self.trained

    def sound(self) -> Any:
        return at_16_khz(glass(np.random.default_rng(78))[: RATE // 2].astype(np.float32))


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_an_event_with_its_name(trained: SoundClassifier, name: str) -> None:
    sound = among_noise(MAKERS[name](np.random.default_rng(77)))
    result = listen(sound, model=trained, unnamed=False)
    assert [what[0] for what in result.what] == ["loud", "quiet"]
    assert result.names[0] == name
    assert result.what[0][1] == pytest.approx(8, abs=1.1)
    assert name in SOUND_TITLES and name in GROUPS


def test_an_alarm_that_goes_on_is_one_event(trained: SoundClassifier) -> None:
    sound = among_noise(*[alarm(None)] * 5)
    result = listen(sound, model=trained, hold_s=3.0)
    assert [what[0] for what in result.what] == ["loud", "quiet"]
    assert result.what[1][1] - result.what[0][1] > 17


@pytest.mark.parametrize(("cooldown_s", "events"), [(0.0, 2), (60.0, 1)])
def test_a_class_rests_after_its_event(trained: SoundClassifier, cooldown_s: float, events: int) -> None:
    rng = np.random.default_rng(3)
    sound = among_noise(bark(rng), np.zeros(8 * RATE), bark(rng))
    result = listen(sound, model=trained, cooldown_s=cooldown_s)
    assert [what[0] for what in result.what] == ["loud", "quiet"] * events


class LoudIsGlass:
    """Hears glass in every loud second, and counts the seconds."""

    length, trouble = 2 * RATE, ""

    def __init__(self) -> None:
        self.asked = 0

    def scores(self, camera: CameraId, at_ms: int, samples: Any) -> dict[str, float]:
        self.asked += 1
        return {"Glass": 0.9} if np.abs(samples).max() > 0.3 else {}

    def close(self) -> None:
        """Nothing to release."""


class SteppingListener:
    """A listener whose clock can be set. With a model that needs its time, `queue.step` gives the results."""

    def __init__(self, *, is_slow: bool = False) -> None:
        self.told, self.model, self.queue = Told(), LoudIsGlass(), SoundQueue(is_inline=not is_slow)
        names = SoundNamer(PORCH, self.model, self.queue, SoundSettings())
        rules = SoundRules(50, 3.0, cooldown_s=60.0)
        self.at_ms = FakeClock().now_ms()
        self._listener = SoundListener("listen", Hub(), self.told, FakeClock(), rules, names)

    def hear(self, sound: Any) -> None:
        for begin in range(0, len(sound), RATE // 2):
            data = mu_law(sound[begin : begin + RATE // 2])
            self._listener.process([Packet(RunId("r"), 0, G711, data, 0, self.at_ms, is_keyframe=False)])
            self.at_ms += 500


BREAKS = np.concatenate([noise(0.5, 0.5), noise(9.5, 0.001)])


@pytest.mark.parametrize(("back_ms", "events"), [(0, 1), (1000, 1), (3_600_000, 2)])
def test_no_class_rests_longer_because_the_clock_was_set_back(back_ms: int, events: int) -> None:
    listener = SteppingListener()
    listener.hear(np.concatenate([noise(10, 0.001), BREAKS]))
    listener.at_ms -= back_ms
    listener.hear(np.concatenate([noise(10, 0.001), BREAKS]))
    assert [what[0] for what in listener.told.what] == ["loud", "quiet"] * events


def test_silence_is_not_classified_after_the_clock_was_set_back() -> None:
    listener = SteppingListener()
    listener.hear(np.concatenate([noise(10, 0.001), BREAKS]))
    asked = listener.model.asked
    assert asked > 0
    listener.at_ms -= 3_600_000
    listener.hear(noise(30, 0.001))
    assert listener.model.asked == asked


def test_a_class_of_the_time_before_the_clock_was_set_back_is_no_event_that_lasts() -> None:
    listener = SteppingListener(is_slow=True)
    listener.hear(np.concatenate([noise(10, 0.001), noise(0.5, 0.5)]))
    listener.queue.step()
    listener.at_ms -= 3_600_000
    listener.hear(noise(30, 0.001))
    assert [what[0] for what in listener.told.what] == ["loud", "quiet"]
    assert max(what[1] for what in listener.told.what if what[0] == "quiet") <= listener.at_ms + 3_600_000


@pytest.mark.parametrize(("unnamed", "events"), [(True, 1), (False, 0)])
def test_other_loud_sounds_are_events_only_if_wanted(trained: SoundClassifier, unnamed: bool, events: int) -> None:
    hum = among_noise(0.3 * tones(3, 120))
    result = listen(hum, model=trained, unnamed=unnamed, wanted=SoundSettings(0.9))
    assert [what[0] for what in result.what] == ["loud", "quiet"] * events
    assert result.names == []


class FailingOnce(SoundClassifier):
    """Its first run fails."""

    def scores(self, camera: CameraId, at_ms: int, samples: Any) -> Mapping[str, float]:
        if not self.trouble:
            self.trouble = "bad allocation"
            return {}
        return {"Shatter": 0.0}


def test_a_model_that_failed_once_makes_no_events_of_sounds_that_it_does_not_know(
    tmp_path: Path,
) -> None:
    pytest.importorskip("onnxruntime")
    file = tmp_path / "made.onnx"
    file.write_bytes(fitted_model())
    hum = among_noise(0.3 * tones(3, 120))
    result = listen(hum, model=FailingOnce(file, LABELS, is_log_mel=True), unnamed=False, wanted=SoundSettings(0.9))
    assert result.what == []


def test_each_class_has_its_threshold(trained: SoundClassifier) -> None:
    sound = among_noise(bark(np.random.default_rng(3)))
    assert listen(sound, model=trained, unnamed=False, wanted=SoundSettings(by_class={"Bark": 1.1})).names == []
    result = listen(sound, model=trained, unnamed=False, wanted=SoundSettings(1.0, {"bark": 0.3}))
    assert set(result.names) == {"bark"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (SoundSettings(), {"bark": 0.8, "alarm": 0.2}),
        (SoundSettings(classes=("alarm", "Meow")), {"alarm": 0.2, "Meow": 0.4}),
        (SoundSettings(groups={"bark": ("Howl",)}), {"bark": 0.1, "alarm": 0.2}),
        (SoundSettings(groups={"cat": ("Meow", "Purr")}), {"bark": 0.8, "alarm": 0.2, "cat": 0.4}),
    ],
)
def test_labels_become_classes(wanted: SoundSettings, found: dict[str, float]) -> None:
    data = {"dog_bark": 0.8, "HOWL": 0.1, "Siren": 0.2, "Meow": 0.4, "Silence": 0.9}
    assert wanted.of(data) == found


def test_a_model_without_known_labels_reports_all(model: Path) -> None:
    assert SoundSettings().of({"High": 0.9, "Low": 0.1}) == {"High": 0.9, "Low": 0.1}


def test_a_slow_model_leaves_out_sounds_and_holds_up_nobody() -> None:
    queue = SoundQueue()
    asked: list[int] = []

    class Slow:
        length, trouble = LENGTH, ""

        def scores(self, camera: CameraId, at_ms: int, samples: Any) -> dict[str, float]:
            asked.append(at_ms)
            return {"Bark": 0.9}

        def close(self) -> None:
            asked.append(-1)

    namer = SoundNamer(PORCH, Slow(), queue, SoundSettings())
    for at_ms in range(10):
        namer.add(at_ms, np.zeros(LENGTH, np.float32))
    assert namer.results() == []
    queue.step()
    assert namer.results() == [(9, [("bark", 0.9)])]
    assert (asked, queue.replaced) == ([9], 9)
    namer.close()
    assert asked == [9], "closed in the thread that uses it"
    queue.step()
    assert asked == [9, -1]


@pytest.mark.parametrize("ticks", [8_000, 16_000, 90_000])
def test_a_model_hears_aac_at_its_own_rate_whatever_rate_its_timestamps_have(ticks: int) -> None:
    heard: list[Any] = []

    class Hearing:
        length, trouble = 8192, ""

        def scores(self, camera: CameraId, at_ms: int, samples: Any) -> dict[str, float]:
            heard.append(samples)
            return {}

        def close(self) -> None: ...

    at_s = np.arange(10 * 16_000) / 16_000
    beep = np.sin(2 * np.pi * 1000 * at_s) * np.where(at_s < 7, 0.001, 0.4)
    to_aac = ToAac(AudioFormat("pcmu", 16_000, 1))
    source, frames = replace(to_aac.format, rate=ticks), to_aac.encode(mu_law(beep), 0)
    answer, queue, clock = Told(), SoundQueue(), FakeClock()
    listener = SoundListener(
        "aac", Hub(), answer, clock, SoundRules(50, 1.0), SoundNamer(PORCH, Hearing(), queue, SoundSettings())
    )
    for number, frame in enumerate(frames):
        pts, at_ms = number * 1024 * ticks // 16_000, clock.now_ms() + number * 64
        listener.process([Packet(RunId("r"), number, source, frame.data, pts, at_ms, is_keyframe=False)])
        queue.step()
    assert len(answer.db) == pytest.approx(100, abs=2), "windows of 0.1 s"
    newest = np.abs(np.fft.rfft(heard[-1] * np.hanning(8192)))
    assert np.argmax(newest) * 16_000 / 8192 == pytest.approx(1000, abs=5)


SCRIPT = """
def hear(sound):
    assert sound.rate == 16000 and len(sound.samples) == 16000
    level = abs(sound.samples).max()
    return {"Dog": float(level)} if level > 0.1 else None
"""


class TestScript(SoundModelContract):
    LABEL = "Dog"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.file = tmp_path / "mine.py"
        self.file.write_text(SCRIPT)

    def make(self) -> UserSoundModel:
        return UserSoundModel(self.file, deadline_s=5.0, memory=1_000_000_000)

    def sound(self) -> Any:
        return np.full(16_000, 0.5)


def test_a_script_of_the_users_names_sounds(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SCRIPT)
    made = UserSoundModel(file, deadline_s=5.0, memory=1_000_000_000)
    until(lambda: scores(made, np.zeros(100)) == {} and made.is_ready, 60, "the script is loaded")
    assert scores(made, np.full(16_000, 0.5)) == {"Dog": 0.5}
    assert scores(made, np.full(16_000, 0.01)) == {}
    file.write_text("def hear(sound):\n    return [('Dog', 7)]\n")
    until(lambda: scores(made, np.zeros(100)) == {} and bool(made.trouble), 60, "what is wrong")
    assert "allowed: 0 to 1" in made.trouble
    made.close()
