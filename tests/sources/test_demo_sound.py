"""The garden's sound: quiet, seamless, and real G.711."""

import numpy as np
import pytest

from tawny.media.audio import ToAac
from tawny.sources.demo.source import FORMAT, LOOP_S, heard


@pytest.mark.parametrize("night", [False, True])
def test_it_is_there_and_quiet(night: bool) -> None:
    linear = decoded(heard(0.0, LOOP_S * FORMAT.rate, night=night))
    assert 0.003 < float(linear.std()) < 0.05
    assert float(abs(linear).max()) < 0.25


def test_it_goes_round_without_a_seam() -> None:
    across = decoded(heard(LOOP_S - 0.05, FORMAT.rate // 10, night=False))
    whole = decoded(heard(0.0, LOOP_S * FORMAT.rate, night=False))
    assert float(abs(np.diff(across)).max()) <= float(abs(np.diff(whole)).max())
    assert len(across) == FORMAT.rate // 10


def test_the_same_second_sounds_the_same() -> None:
    assert heard(7.3, 1600, night=False) == heard(7.3 + LOOP_S, 1600, night=False)


def test_it_becomes_aac() -> None:
    maker = ToAac(FORMAT)
    made = maker.encode(heard(0.0, FORMAT.rate, night=False), 0) + maker.finish()
    assert len(made) >= FORMAT.rate // 1024


def decoded(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """A-law by its rules, written independently."""
    code = np.frombuffer(data, np.uint8).astype(np.int64) ^ 0x55
    chord, step = code >> 4 & 7, code & 15
    size = np.where(chord == 0, 2 * step + 1, (2 * step + 33) << np.maximum(chord - 1, 0))
    return np.where(code & 128, size, -size) / 4096
