"""By which number a command leaves a hub or a standby."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tawny.cli import control_client
from tawny.cli.control_client import instance_here
from tawny.model.errors import NotDone


def answers(made: dict[str, Any] | NotDone) -> Callable[..., Iterator[dict[str, Any]]]:
    def ask(*_: object) -> Iterator[dict[str, Any]]:
        if isinstance(made, NotDone):
            raise made
        yield made

    return ask


NONE, UNKNOWN = NotDone("No tawny is running."), {"error": {"message": "Unknown command.", "hint": ""}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [({"hub": "a"}, "a"), (UNKNOWN, ""), (NONE, "")],
    ids=["this version", "earlier version", "silent"],
)
def test_a_recorder_that_runs_here_leaves_as_the_one_that_is_connected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: dict[str, Any] | NotDone, expected: str
) -> None:
    monkeypatch.setattr(control_client, "ask", answers(answer))
    monkeypatch.setattr(control_client, "is_running", lambda _folder: True)
    assert instance_here(tmp_path, "hub") == expected


def test_one_that_this_user_may_not_ask_may_be_running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(_folder: Path) -> bool:
        raise NotDone("This user may not ask it.")

    monkeypatch.setattr(control_client, "ask", answers(NONE))
    monkeypatch.setattr(control_client, "is_running", refused)
    assert instance_here(tmp_path, "hub") == ""


def test_where_no_recorder_runs_another_one_is_connected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(control_client, "ask", answers(NONE))
    assert instance_here(tmp_path, "standby") != instance_here(tmp_path, "standby") != ""
