"""Values with units: what is understood, and that a slip is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.config.units import duration_text, seconds, share, size, size_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5 s", 5),
        ("5s", 5),
        ("1.5 min", 90),
        ("14 days", 1_209_600),
        ("2 h", 7200),
        ("250 ms", 0.25),
        ("1 week", 604_800),
        ("14 Tage", 1_209_600),
        ("14 tagen", 1_209_600),
        ("10 Min.", 600),
        ("2 Wochen", 1_209_600),
        ("3 Std", 10_800),
    ],
)
def test_durations_are_seconds(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(("text", "value"), [("200 GB", 200 * 10**9), ("1 GiB", 2**30), ("1.5 TB", 15 * 10**11)])
def test_sizes_are_bytes(text: str, value: int) -> None:
    assert size(text) == value


@pytest.mark.parametrize("text", ["", "5", "s", "-3 s", "5 parsecs", "5 S", "1e3 s", "5 s 3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        seconds(text)


@pytest.mark.parametrize("text", ["200", "200 gb", "-1 GB", "GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        size(text)


@pytest.mark.parametrize("number", ["9" * 19, "9" * 30, "9" * 320, "9" * 5000])
def test_what_has_no_place_in_the_index_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="a smaller size"):
        size(f"{number} B")
    with pytest.raises(ValueError, match="a shorter time"):
        seconds(f"{number} s")
    assert size("9000000 TB") == 9 * 10**18
    assert seconds("100000000 days") == 8.64e12


@pytest.mark.parametrize("text", ["1234567 s", "1000001 days", "1000000.5 days", "2500000 h"])
def test_long_times_are_written_as_they_can_be_read(text: str) -> None:
    assert seconds(duration_text(seconds(text))) == seconds(text)


@pytest.mark.parametrize("text", ["0.1", "10", "101 %", "ten %"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="percentage"):
        share(text)


@given(st.integers(1, 10_000), st.sampled_from(["s", "min", "h", "days"]))
def test_a_duration_said_the_short_way_means_the_same(number: int, unit: str) -> None:
    value = seconds(f"{number} {unit}")
    assert seconds(duration_text(value)) == value


@pytest.mark.parametrize(("value", "text"), [(0, "0 B"), (1500, "1.5 kB"), (38_200_000_000, "38.2 GB"), (2e12, "2 TB")])
def test_sizes_for_people(value: float, text: str) -> None:
    assert size_text(value) == text
