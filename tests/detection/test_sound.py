"""Loud sounds are told from the quiet of the place, by their level; and named by a model, if there is one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.detection.audio import LoudnessMeter, NoiseFloor, SoundClassifier, SoundListener
from tawny.media.audio import SoundDecoder, ToAac
from tawny.model.errors import NotDone
from tawny.model.ids import RunId
from tawny.model.packets import AudioFormat, Packet, VideoFormat
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
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
        self.db: list[float] = []

    def heard(self, at_ms: int, db: float, score: int) -> None:
        self.db.append(db)

    def loud(self, start_ms: int, score: int) -> None:
        self.what.append(("loud", start_ms, score))

    def still_loud(self, score: int, names: list[tuple[str, float]]) -> None:
        self.names += [name for name, _ in names]

    def quiet(self, end_ms: int) -> None:
        self.what.append(("quiet", end_ms))


def listen(sound: Any, level: int = 50, names: SoundClassifier | None = None, hold_s: float = 1.0) -> Told:
    clock, hub, told = FakeClock(), Hub(keep_s=30), Told()
    listener = SoundListener("listen", hub, told, clock, level=level, hold_s=hold_s, names=names)
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
    listener.step()
    listener.close()
    told.what = [(what[0], (what[1] - begun_ms) / 1000, *what[2:]) for what in told.what]
    return told


def test_loudness_is_below_full_scale() -> None:
    whole = np.sin(np.arange(RATE) * 0.5).astype(np.float32)
    assert list(LoudnessMeter(RATE).add(whole)) == pytest.approx([-3.0] * 10, abs=0.3)
    assert list(LoudnessMeter(RATE).add(whole / 10)) == pytest.approx([-23.0] * 10, abs=0.3)


def test_a_bark_is_told_with_its_begin_and_end() -> None:
    sound = np.concatenate([noise(10, 0.003), noise(2, 0.2), noise(8, 0.003)])
    told = listen(sound)
    assert [what[0] for what in told.what] == ["loud", "quiet"]
    assert told.what[0][1] == pytest.approx(10, abs=0.2)
    assert told.what[0][2] > 50
    assert told.what[1][1] == pytest.approx(12, abs=0.2)
    assert max(told.db) > -20


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
    told = listen(rain)
    assert [what[0] for what in told.what] == ["loud", "quiet"]
    assert told.what[1][1] < 90
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


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> tuple[Path, Path]:
    """Two classes: the mean of the samples, and its opposite; `High` for what lies above 0."""
    pytest.importorskip("onnxruntime")
    file, labels = tmp_path / "model.onnx", tmp_path / "labels.txt"
    file.write_bytes(onnx_bytes.mean_model(16))
    labels.write_text("High\nLow\n", encoding="utf-8")
    return file, labels


def test_a_model_names_a_sound(model: tuple[Path, Path]) -> None:
    names = SoundClassifier(*model, sure=0.5)
    assert names.length == 16
    assert [(name, round(sure, 2)) for name, sure in names.name(np.full(40, 0.9, np.float32))] == [("High", 0.9)]
    assert [(name, round(sure, 2)) for name, sure in names.name(np.full(3, -16.0, np.float32))] == [("Low", 3.0)]
    assert names.name(np.zeros(16, np.float32)) == []
    assert SoundClassifier(*model, sure=0.5, classes=["low"]).name(np.full(40, 0.9, np.float32)) == []


def test_loud_sounds_get_their_names(model: tuple[Path, Path]) -> None:
    loud = np.concatenate([noise(8, 0.003), np.abs(noise(2, 0.3)), noise(3, 0.003)])
    told = listen(loud, names=SoundClassifier(*model, sure=0.1))
    assert set(told.names) == {"High"}
    assert 1 <= len(told.names) <= 3


def test_what_is_wrong_with_a_model_is_told(model: tuple[Path, Path], tmp_path: Path) -> None:
    file, labels = model
    labels.write_text("One\nTwo\nThree\n", encoding="utf-8")
    with pytest.raises(NotDone, match="has 2 classes, but there are 3 labels"):
        SoundClassifier(file, labels, sure=0.5)
    with pytest.raises(NotDone, match="labels"):
        SoundClassifier(file, tmp_path / "none.txt", sure=0.5)
    file.write_bytes(b"no model at all")
    with pytest.raises(NotDone, match="can't be used"):
        SoundClassifier(file, labels, sure=0.5)
