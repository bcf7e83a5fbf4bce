"""What every detector, recogniser, search model and sound model must do. Subclass a suite and say how one is made."""

import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from tawny.detection.detector import Detector, DetectorKind
from tawny.detection.embedding import Embedder
from tawny.detection.recognition import Recogniser, RecogniserInput, RecogniserResult
from tawny.detection.sound_classes import RATE as SOUND_RATE
from tawny.detection.sound_classes import SoundModel
from tawny.model.ids import CameraId
from tawny.model.observations import Look
from tawny.testing.waiting import until

CAMERA = CameraId("scene")
WIDTH, HEIGHT = 192, 108
START_MS = 1_795_150_800_000
STEP_MS = 200
"""Time from frame to frame of the scene, ms."""


@dataclass(frozen=True)
class PictureFrame:
    """A frame in memory (`model.observations.Frame`)."""

    luma: Any
    at_ms: int = START_MS
    camera: CameraId = CAMERA

    @property
    def rgb(self) -> Any:
        return np.repeat(self.luma[:, :, None], 3, axis=2)


_usual: dict[str, list[tuple[PictureFrame, Look]]] = {}
"""What a suite's detector makes of the busy scene, by the suite's name."""


class DetectorContract:
    MOST_BYTES = 2_000_000
    """Highest memory of one camera with small frames."""
    MOST_GROWTH_BYTES = 300_000
    """Highest growth of memory over the last 30 s of the scene."""

    def make(self) -> Detector:
        raise NotImplementedError

    def looks(self, frames: list[PictureFrame]) -> list[tuple[PictureFrame, Look]]:
        """Return the frames, each with the result of a new detector."""
        detector = self.make()
        return [(frame, detector.look(frame)) for frame in frames]

    def usual_looks(self) -> list[tuple[PictureFrame, Look]]:
        """Return what it makes of the busy scene, made once: several tests hold something against it."""
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        if name not in _usual:
            _usual[name] = self.looks(_busy())
        return _usual[name]

    def kind(self) -> DetectorKind:
        """Return what creates the detector from its settings: the object behind its entry point."""
        return cast("DetectorKind", type(self.make()))

    def test_unknown_settings_raise_nothing_but_value_error(self) -> None:
        with suppress(ValueError):
            self.kind()({"no_such_setting": 1})

    def test_scores_and_boxes_are_in_range(self) -> None:
        for frame, look in self.usual_looks():
            assert 0 <= look.score <= 100
            for thing in look.seen + look.over:
                x0, y0, x1, y1 = thing.box
                assert 0 <= x0 < x1 <= 1
                assert 0 <= y0 < y1 <= 1
                assert 0 <= thing.score <= 1
                assert thing.since_ms is None or thing.since_ms <= frame.at_ms

    def test_what_is_over_was_seen_before_and_is_not_seen_again(self) -> None:
        seen: set[int] = set()
        over: set[int] = set()
        for frame, look in self.usual_looks():
            for thing in look.over:
                assert thing.track in seen
                assert thing.until_ms is not None
                assert thing.until_ms <= frame.at_ms
            over |= {thing.track for thing in look.over}
            seen |= {thing.track for thing in look.seen if thing.track}
            assert not over & {thing.track for thing in look.seen}

    def test_the_same_frames_give_the_same_looks(self) -> None:
        again = [look for _, look in self.looks(_busy())]
        assert again == [look for _, look in self.usual_looks()]

    def test_it_keeps_no_picture_whose_buffer_is_used_again(self) -> None:
        frames = _busy()
        expected = [look for _, look in self.usual_looks()]
        detector, buffer, looks = self.make(), np.empty((HEIGHT, WIDTH), np.uint8), []
        for frame in frames:
            buffer[:] = frame.luma
            looks.append(detector.look(replace(frame, luma=buffer)))
            buffer[:] = 7
        assert looks == expected

    def test_rows_may_have_padding(self) -> None:
        wide = [replace(f, luma=np.pad(f.luma, ((0, 0), (0, 64)))[:, :WIDTH]) for f in _busy()]
        assert [look for _, look in self.looks(wide)] == [look for _, look in self.usual_looks()]

    def test_another_size_does_no_harm(self) -> None:
        detector = self.make()
        for n, shape in enumerate([(108, 192), (720, 1280), (192, 108), (9, 16), (108, 192)] * 3):
            look = detector.look(_plain(90, n, shape))
            assert 0 <= look.score <= 100

    @pytest.mark.parametrize("jump_ms", [-3_600_000, 5 * 3_600_000], ids=["back", "after a pause of hours"])
    def test_a_jump_in_time_ends_what_was_seen(self, jump_ms: int) -> None:
        detector = self.make()
        for frame in _busy():
            detector.look(frame)
        begin_ms = START_MS + jump_ms
        for n, frame in enumerate(_busy()):
            for thing in detector.look(replace(frame, at_ms=begin_ms + n * STEP_MS)).seen:
                assert thing.since_ms is None or thing.since_ms >= begin_ms

    def test_the_same_instant_twice_does_no_harm(self) -> None:
        detector = self.make()
        for frame in _busy():
            for _ in range(2):
                assert 0 <= detector.look(frame).score <= 100

    def test_black_and_white_pictures_are_silent(self) -> None:
        for level in (0, 255):
            detector = self.make()
            assert all(detector.look(_plain(level, n)) == Look(0) for n in range(100))

    def test_a_frame_every_five_seconds_and_thirty_a_second_do_no_harm(self) -> None:
        for apart_ms in (5000, 33):
            detector = self.make()
            for n, frame in enumerate(_busy()):
                assert 0 <= detector.look(replace(frame, at_ms=START_MS + n * apart_ms)).score <= 100

    def test_memory_is_bounded(self) -> None:
        frames = _traffic()
        tracemalloc.start()
        try:
            detector = self.make()
            for frame in frames[:300]:
                detector.look(frame)
            before_bytes, _ = tracemalloc.get_traced_memory()
            for frame in frames[300:]:
                detector.look(frame)
            after_bytes, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after_bytes < self.MOST_BYTES
        assert after_bytes - before_bytes < self.MOST_GROWTH_BYTES


@cache
def _traffic() -> list[PictureFrame]:
    """Return 90 s of a yard, with a car that crosses it in 3 s every 2.9 s. Noise and ground are seeded."""
    chance = np.random.default_rng(1)
    ground = 110 + np.kron(chance.normal(0, 18, (HEIGHT // 6, WIDTH // 6)), np.ones((6, 6)))
    frames = []
    for n in range(90 * 1000 // STEP_MS):
        at_s, picture = n * STEP_MS / 1000, ground + chance.normal(0, 0.6, ground.shape)
        for car in range(24):
            share = (at_s - 2 - 2.9 * car) / 3
            if 0 <= share <= 1:
                _draw_car(picture, round(-27 + share * (WIDTH + 54)))
        frames.append(PictureFrame(picture.round().clip(0, 255).astype(np.uint8), START_MS + n * STEP_MS))
    return frames


def _draw_car(picture: npt.NDArray[np.float64], x: int) -> None:
    """Draw body, cabin and wheels, 47 cells wide, standing on row 99. x: its middle."""
    for left, right, top, bottom, level in (
        (-23, 23, 89, 97, 155),
        (-13, 11, 81, 89, 173),
        (-18, -11, 94, 99, 83),
        (11, 18, 94, 99, 83),
    ):
        picture[top:bottom, max(0, x + left) : max(0, x + right)] = level


def _busy() -> list[PictureFrame]:
    return _traffic()[:100]


def _plain(level: int, n: int, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> PictureFrame:
    return PictureFrame(np.full(shape, level, np.uint8), START_MS + STEP_MS * n)


def recogniser_input(rgb: object, kind: str = "vehicle") -> RecogniserInput:
    """Return a picture as a recogniser gets it. rgb: uint8 [height, width, 3]. kind: the event type."""
    return RecogniserInput(CAMERA, START_MS, kind, rgb)


class RecogniserContract:
    READS = True
    """Whether it recognises something in `picture`."""

    def make(self) -> Recogniser:
        raise NotImplementedError

    def picture(self) -> npt.NDArray[np.uint8]:
        """Return a picture, uint8 [height, width, 3], such as one of a car with its plate."""
        raise NotImplementedError

    @pytest.fixture
    def one(self) -> Iterator[Recogniser]:
        made = self.make()
        blank = recogniser_input(np.zeros((64, 64, 3), np.uint8))
        until(lambda: made.read(blank) is not None and made.is_ready)
        yield made
        made.close()

    def test_it_says_which_types_it_takes(self, one: Recogniser) -> None:
        assert one.kinds
        assert all(isinstance(kind, str) and kind for kind in one.kinds)

    def test_readings_are_in_range(self, one: Recogniser) -> None:
        found = self._reads(one)
        assert bool(found) == self.READS
        for reading in found:
            assert 0 <= reading.score <= 1
            assert reading.text.isprintable()
            assert all(np.isfinite(reading.print))

    @pytest.mark.parametrize("shape", [(24, 24), (30, 400), (400, 30), (601, 799)])
    def test_any_picture_will_do(self, one: Recogniser, shape: tuple[int, int]) -> None:
        for brightness in (0, 255):
            assert isinstance(one.read(recogniser_input(np.full((*shape, 3), brightness, np.uint8))), Sequence)

    def test_it_does_not_change_the_picture(self, one: Recogniser) -> None:
        rgb = self.picture()
        before = rgb.copy()
        one.read(recogniser_input(rgb))
        assert (rgb == before).all()

    def test_it_reports_no_trouble(self, one: Recogniser) -> None:
        self._reads(one)
        assert one.trouble == ""

    def test_closing_it_twice_does_no_harm(self) -> None:
        made = self.make()
        made.close()
        made.close()

    def _reads(self, one: Recogniser) -> Sequence[RecogniserResult]:
        return one.read(recogniser_input(self.picture()))


class EmbedderContract:
    WORDS = "red"
    """What one of two images shows, and the other doesn't."""

    def make(self) -> Embedder:
        raise NotImplementedError

    def pictures(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Return an image that shows WORDS and one that doesn't, uint8 [height, width, 3]."""
        red, blue = (np.full((96, 128, 3), 128, np.uint8) for _ in range(2))
        red[24:72, 32:96] = (190, 30, 30)
        blue[24:72, 32:96] = (30, 40, 190)
        return red, blue

    @pytest.fixture
    def model(self) -> Iterator[Embedder]:
        made = self.make()
        yield made
        made.close()

    def test_its_id_is_the_same_each_time(self, model: Embedder) -> None:
        again = self.make()
        assert model.id == again.id != ""
        again.close()

    def test_images_and_texts_have_vectors_of_one_length(self, model: Embedder) -> None:
        vectors = [model.image(one) for one in self.pictures()] + [model.text(self.WORDS), model.text("")]
        assert len({len(one) for one in vectors}) == 1
        assert all(np.isfinite(one).all() for one in vectors)

    @pytest.mark.parametrize("shape", [(1, 1), (8, 300), (300, 8), (601, 799)])
    def test_any_image_will_do(self, model: Embedder, shape: tuple[int, int]) -> None:
        for brightness in (0, 255):
            assert np.isfinite(model.image(np.full((*shape, 3), brightness, np.uint8))).all()

    @pytest.mark.parametrize("words", ["", "x" * 500, "ein rötliches Auto №7 🚗", "a\nb\0c", "word " * 200])
    def test_any_text_will_do(self, model: Embedder, words: str) -> None:
        assert np.isfinite(model.text(words)).all()

    def test_a_text_is_nearer_to_the_image_that_shows_it(self, model: Embedder) -> None:
        shown, other = (_direction(model.image(one)) for one in self.pictures())
        text = _direction(model.text(self.WORDS))
        assert shown @ text > other @ text

    def test_it_does_not_change_the_image(self, model: Embedder) -> None:
        rgb, _ = self.pictures()
        before = rgb.copy()
        assert list(model.image(rgb)) == list(model.image(rgb))
        assert (rgb == before).all()

    def test_closing_it_twice_does_no_harm(self) -> None:
        made = self.make()
        made.close()
        made.close()


class SoundModelContract:
    LABEL = "Smoke alarm"
    """What `sound` is."""

    def make(self) -> SoundModel:
        raise NotImplementedError

    def sound(self) -> npt.NDArray[np.float32]:
        """Return a sound of LABEL, mono, 16 kHz, -1..1."""
        raise NotImplementedError

    @pytest.fixture
    def model(self) -> Iterator[SoundModel]:
        made = self.make()
        silence = np.zeros(made.length, np.float32)
        until(lambda: self._scores(made, silence) is not None and getattr(made, "is_ready", True))
        yield made
        made.close()

    def test_it_wants_a_twentieth_of_a_second_to_ten_seconds(self, model: SoundModel) -> None:
        assert SOUND_RATE // 20 <= model.length <= 10 * SOUND_RATE

    def test_its_label_scores_highest_for_its_sound(self, model: SoundModel) -> None:
        scores = self._scores(model, self._fitted(model))
        assert max(scores, key=lambda label: scores[label]) == self.LABEL

    def test_it_scores_lower_in_silence(self, model: SoundModel) -> None:
        scores = self._scores(model, self._fitted(model))
        silence = self._scores(model, np.zeros(model.length, np.float32))
        assert silence.get(self.LABEL, 0.0) < scores[self.LABEL]

    @pytest.mark.parametrize("level", [0.0, 1e-6, 0.1, 1.0])
    def test_scores_are_in_range_for_any_sound(self, model: SoundModel, level: float) -> None:
        chance = np.random.default_rng(1)
        for samples in (chance.uniform(-level, level, model.length), np.full(model.length, level)):
            scores = self._scores(model, samples.astype(np.float32))
            assert all(isinstance(label, str) and label for label in scores)
            assert all(0 <= score <= 1 for score in scores.values())

    def test_the_same_sound_has_the_same_scores(self, model: SoundModel) -> None:
        samples = self._fitted(model)
        assert self._scores(model, samples) == self._scores(model, samples)

    def test_it_does_not_change_the_samples(self, model: SoundModel) -> None:
        samples = self._fitted(model)
        before = samples.copy()
        self._scores(model, samples)
        assert (samples == before).all()

    def test_it_reports_no_trouble(self, model: SoundModel) -> None:
        self._scores(model, self._fitted(model))
        assert model.trouble == ""

    def test_closing_it_twice_does_no_harm(self) -> None:
        made = self.make()
        made.close()
        made.close()

    def _fitted(self, model: SoundModel) -> npt.NDArray[np.float32]:
        """Return the end of the sound, as long as the model wants it."""
        sound = np.asarray(self.sound(), np.float32)[-model.length :]
        return np.concatenate((np.zeros(model.length - len(sound), np.float32), sound))

    def _scores(self, model: SoundModel, samples: npt.NDArray[np.float32]) -> Mapping[str, float]:
        return model.scores(CAMERA, START_MS, samples)


def _direction(vector: Sequence[float]) -> npt.NDArray[np.float64]:
    values = np.asarray(vector, np.float64)
    return values / max(float(np.linalg.norm(values)), 1e-9)
