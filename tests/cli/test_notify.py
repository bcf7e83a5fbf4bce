"""`tawny notify sweep`: what it asks of the recorder that runs, and what it says."""

from typing import Any

import pytest

from tawny.cli import notify
from tests.cli.conftest import Tawny

FILES = [
    {"name": "porch/2026/07/01/1.mp4", "size_bytes": 2_000_000, "written_ms": 0},
    {"name": "porch/2026/07/01/1.jpg", "size_bytes": 500_000, "written_ms": 0},
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the recorder was asked; it has one destination, `nas`."""
    requests: list[dict[str, Any]] = []

    def once(folder: object, request: dict[str, Any]) -> dict[str, Any]:
        requests.append(request)
        if request["name"] != "nas":
            return {"known": ["nas"]}
        return {"keep_s": 86_400.0, "removed": not request["dry_run"], "items": FILES}

    monkeypatch.setattr(notify, "ask_once", once)
    return requests


def test_a_dry_run_lists_what_would_go(tawny: Tawny, asked: list[dict[str, Any]]) -> None:
    said = tawny("notify", "sweep", "nas", "--dry-run")
    assert asked == [{"do": "sweep", "name": "nas", "dry_run": True}]
    assert said.code == 0
    assert "porch/2026/07/01/1.mp4  2 MB" in said.out
    assert said.out.endswith("2 files, 2.5 MB: would be deleted.\n")


def test_else_it_is_removed(tawny: Tawny, asked: list[dict[str, Any]]) -> None:
    said = tawny("notify", "sweep", "nas")
    assert asked == [{"do": "sweep", "name": "nas", "dry_run": False}]
    assert said.out.endswith("2 files, 2.5 MB: will be deleted there once the queue is done.\n")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("sweep", "cloud"), 3, "Available: nas."),
        (("sweep",), 2, "`tawny notify sweep` requires a name."),
        (("test", "nas", "--dry-run"), 2, "--dry-run only works with `tawny notify sweep`."),
    ],
)
def test_what_it_cannot_do_is_said(
    tawny: Tawny, asked: list[dict[str, Any]], words: tuple[str, ...], code: int, says: str
) -> None:
    said = tawny("notify", *words)
    assert (said.code, says in said.err) == (code, True), said.err
