"""`tawny notifications` and `tawny uploads`: what they ask of the recorder that runs, and what they say."""

import json
from typing import Any

import pytest

from tawny.cli import delivery
from tests.cli.conftest import Tawny

FILES = [
    {"name": "porch/2026/07/01/1.mp4", "size_bytes": 2_000_000, "written_ms": 0},
    {"name": "porch/2026/07/01/1.jpg", "size_bytes": 500_000, "written_ms": 0},
]
TARGETS = [
    {"name": "nas", "kind": "destination", "where": "sftp://nas", "waiting": 2, "trouble": "", "paused": False},
    {"name": "phone", "kind": "notifier", "where": "ntfy", "waiting": 0, "trouble": "Refused.", "paused": False},
]
LOST = {"missing": 7, "changed": 2, "sent": 4, "gone": 3, "partial": 1, "later": 2, "too_large": 2}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the recorder was asked; it has one destination, `nas`, and one channel, `phone`."""
    requests: list[dict[str, Any]] = []

    def once(folder: object, request: dict[str, Any]) -> dict[str, Any]:
        requests.append(request)
        match request["command"]:
            case "targets":
                return {"items": TARGETS}
            case "test":
                wrong = "" if request["name"] == "phone" else "No space."
                return {"steps": [{"what": "Sending", "wrong": wrong, "hint": "Make room." if wrong else ""}]}
        if request["name"] != "nas":
            return {"known": ["nas"]}
        if request["command"] == "resend":
            return LOST if request["since_ms"] else dict.fromkeys(LOST, 0)
        return {"keep_s": 86_400.0, "removed": not request["dry_run"], "items": FILES}

    monkeypatch.setattr(delivery, "ask_once", once)
    monkeypatch.setattr(delivery, "ask_once", once)
    return requests


@pytest.mark.parametrize(
    ("command", "line"),
    [("notifications", "phone  ntfy   0        Refused."), ("uploads", "nas   sftp://nas  2        –")],
)
def test_each_lists_its_own(tawny: Tawny, asked: list[dict[str, Any]], command: str, line: str) -> None:
    result = tawny(command, "list")
    assert (result.code, result.out.splitlines()[1:]) == (0, [line])
    data = json.loads(tawny(command, "list", "--json").out)["items"]
    assert data == [one for one in TARGETS if one["name"] == line.split()[0]]


@pytest.mark.parametrize(
    ("command", "name", "code", "says"),
    [
        ("notifications", "phone", 0, "Sending\n"),
        ("uploads", "nas", 1, "Sending: No space. Make room.\n"),
    ],
)
def test_each_tests_its_own(
    tawny: Tawny, asked: list[dict[str, Any]], command: str, name: str, code: int, says: str
) -> None:
    result = tawny(command, "test", name)
    assert (result.code, result.out) == (code, says)
    assert asked[-1] == {"command": "test", "name": name}


def test_a_dry_run_lists_what_would_go(tawny: Tawny, asked: list[dict[str, Any]]) -> None:
    result = tawny("uploads", "clean", "nas", "--dry-run")
    assert asked == [{"command": "sweep", "name": "nas", "dry_run": True}]
    assert result.code == 0
    assert "porch/2026/07/01/1.mp4  2 MB" in result.out
    assert result.out.endswith("2 files, 2.5 MB: would be deleted.\n")


def test_else_it_is_removed(tawny: Tawny, asked: list[dict[str, Any]]) -> None:
    result = tawny("uploads", "clean", "nas")
    assert asked == [{"command": "sweep", "name": "nas", "dry_run": False}]
    assert result.out.endswith("2 files, 2.5 MB: will be deleted there once the queue is done.\n")


def test_lost_uploads_are_sent_again_and_counted(tawny: Tawny, asked: list[dict[str, Any]]) -> None:
    result = tawny("uploads", "resend", "nas", "--since", "2026-11-20T05:00:00Z")
    assert asked == [{"command": "resend", "name": "nas", "since_ms": 1_795_150_800_000}]
    assert (result.code, result.out.splitlines()) == (1, [
        "At nas: 7 missing, 2 with another size.",
        "4 will be sent again.",
        "2 don't fit in the queue: run this again when those are sent.",
        "1 are recorded only in part or at low resolution: missing and empty ones are sent like that, others stay "
        "until you delete them there.",
        "3 can't be sent: the recorder has no recording of them. To stop comparing what is lost, run this with "
        "`--forget`.",
    ])  # fmt: skip


@pytest.mark.parametrize(("too_large", "do"), [(0, "later."), (1, "later, or raise `outbox.budget`.")])
def test_what_never_fits_in_the_queue_needs_a_larger_one(
    tawny: Tawny, monkeypatch: pytest.MonkeyPatch, too_large: int, do: str
) -> None:
    none_fits = {**dict.fromkeys(LOST, 0), "missing": 1, "later": 1, "too_large": too_large}
    monkeypatch.setattr(delivery, "ask_once", lambda *_: none_fits)
    assert f"1 don't fit in the queue: run this again {do}\n" in tawny("uploads", "resend", "nas").out


def test_lost_uploads_are_forgotten_if_asked(tawny: Tawny, monkeypatch: pytest.MonkeyPatch) -> None:
    def once(_: object, request: dict[str, Any]) -> dict[str, int]:
        return {"missing": 7, "changed": 2, "forgotten" if request["command"] == "forget lost" else "sent": 9}

    monkeypatch.setattr(delivery, "ask_once", once)
    result = tawny("uploads", "resend", "nas", "--forget")
    assert (result.code, result.out.splitlines()) == (0, [
        "At nas: 7 missing, 2 with another size.",
        "They are not compared until they are there again.",
    ])  # fmt: skip


def test_if_no_upload_is_lost_that_is_said(tawny: Tawny, asked: list[dict[str, Any]]) -> None:
    result = tawny("uploads", "resend", "nas")
    assert (result.code, result.out) == (0, "All uploads are at nas, with their sizes.\n")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("uploads", "clean", "cloud"), 3, "Available: nas."),
        (("uploads", "clean"), 2, "`tawny uploads clean` requires a name."),
        (("uploads", "test", "nas", "--dry-run"), 2, "--dry-run only works with `tawny uploads clean`."),
        (("uploads", "resend", "cloud"), 3, "Available: nas."),
        (("uploads", "resend"), 2, "`tawny uploads resend` requires a name."),
        (("uploads", "clean", "nas", "--since", "now"), 2, "--since only works with `tawny uploads resend`."),
        (("uploads", "clean", "nas", "--forget"), 2, "--forget only works with `tawny uploads resend`."),
        (("uploads", "test", "phone"), 3, "No destination phone. Available: nas."),
        (("notifications", "test", "nas"), 3, "No channel nas. Available: phone."),
        (("notifications", "test"), 2, "`tawny notifications test` requires a name."),
    ],
)
def test_what_it_cannot_do_is_said(
    tawny: Tawny, asked: list[dict[str, Any]], words: tuple[str, ...], code: int, says: str
) -> None:
    result = tawny(*words)
    assert (result.code, says in result.err) == (code, True), result.err
    assert all(request["command"] != "test" for request in asked)
