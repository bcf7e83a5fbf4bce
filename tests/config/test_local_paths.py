"""Paths of this computer and intervals: what no command could use is told with its line."""

import pytest

from tawny.config.loader import parse_settings
from tawny.config.settings import Settings

CAMERA = '[cameras.front]\nsource = "demo:"\n'
UNKNOWN = "~no-such-user-9/x"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ('[storage]\npath = "{}"\n', "storage.path"),
        ('[storage]\nspare = "{}"\n', "storage.spare"),
        ('[storage]\nmirror = "{}"\n', "storage.mirror"),
        ('[storage]\ntiers = [{{ path = "{}", after = "7 days" }}]\n', "storage.tiers.0.path"),
        ('[hub]\ncopies_folder = "{}"\n', "hub.copies_folder"),
        ('[search]\nmodel = "{}"\n', "search.model"),
    ],
)
def test_the_home_of_an_unknown_user_is_refused_with_its_line(text: str, at: str) -> None:
    settings, problems = parse_settings(text.format(UNKNOWN) + CAMERA, {})
    assert settings is None
    assert [(one.path, one.line) for one in problems] == [(at, 2)]
    assert problems[0].found == repr(UNKNOWN)
    assert "there is no user no-such-user-9 on this computer" in problems[0].allowed
    known, problems = parse_settings(text.format("~root/x") + CAMERA, {})
    assert known is not None, problems


def _secure(way: str, certificate: str) -> Settings | None:
    text = f'[web.secure]\nway = "{way}"\ndomain = "cam.example.org"\ncertificate = "{certificate}"\nkey = "/k"\n'
    return parse_settings(text + CAMERA, {})[0]


def test_a_certificate_is_looked_at_where_it_is_used() -> None:
    assert _secure("files", UNKNOWN) is None
    assert _secure("files", "~root/x") is not None
    assert _secure("own", UNKNOWN) is not None


def test_a_user_without_a_home_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as without HOME and without an entry
    settings, problems = parse_settings('[storage]\npath = "~/x"\n' + CAMERA, {})
    assert settings is None
    assert "the home folder of this user isn't known" in problems[0].allowed


@pytest.mark.parametrize(("text", "interval_s"), [("0.1 ms", 1), ("0.5 s", 1), ("1 s", 1), ("10 s", 10), ("0 s", 0)])
def test_snapshots_are_a_second_apart_or_off(text: str, interval_s: float) -> None:
    settings, problems = parse_settings(f'[storage.snapshots]\ninterval = "{text}"\n{CAMERA}', {})
    assert settings is not None, problems
    assert settings.storage.snapshots.interval == interval_s
