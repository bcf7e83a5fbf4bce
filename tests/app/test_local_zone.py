"""The name of the computer's time zone, by which schedules and messages go."""

import time
from collections.abc import Iterator

import pytest

from tawny.app.local_zone import local_zone


@pytest.fixture
def tz(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    with monkeypatch.context() as patch:
        yield patch
    time.tzset()


@pytest.mark.parametrize(
    "text", ["Asia/Kolkata", ":Asia/Kolkata", "/usr/share/zoneinfo/Asia/Kolkata", "posix/Asia/Kolkata"]
)
def test_it_is_the_one_of_the_environment(tz: pytest.MonkeyPatch, text: str, caplog: pytest.LogCaptureFixture) -> None:
    tz.setenv("TZ", text)
    time.tzset()
    assert local_zone() == "Asia/Kolkata"
    assert caplog.text == ""


def test_a_rule_without_a_name_is_said(tz: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    tz.setenv("TZ", "XYZ-5:17")
    time.tzset()
    assert f"times are in {local_zone()}, not in this computer's own time zone" in caplog.text


@pytest.mark.parametrize("name", ["localtime", "posixrules", "Factory"])
def test_a_name_that_browsers_do_not_know_is_passed_over(tz: pytest.MonkeyPatch, name: str) -> None:
    tz.setattr("tawny.app.local_zone._candidates", lambda: [name, "Asia/Kolkata"])
    assert local_zone() == "Asia/Kolkata"


def test_a_mistyped_name_is_said(tz: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    tz.setenv("TZ", "Europe/Berln")
    time.tzset()
    tz.setattr("tawny.app.local_zone._candidates", lambda: ["Europe/Berln", "Etc/UTC"])
    assert local_zone() == "Etc/UTC"
    assert "times are in Etc/UTC, as TZ=Europe/Berln names no time zone" in caplog.text


def test_the_file_of_this_computer_is_no_mistyped_name(
    tz: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tz.setenv("TZ", ":/etc/localtime")
    time.tzset()
    local_zone()
    assert caplog.text == ""
