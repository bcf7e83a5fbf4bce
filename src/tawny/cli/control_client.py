"""Asking a running recorder, from commands."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tawny.app.control_socket import ask
from tawny.model.errors import NotDone


def ask_once(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """The recorder's one answer. NotDone when none runs on that folder, or when it says no."""
    for answer in lines(folder, request):
        if "error" in answer:
            raise NotDone(answer["error"]["message"], answer["error"]["hint"])
        return answer
    raise NotDone(f"The tawny recording to {folder} didn't respond.", "It may be shutting down. Try again.")


def lines(folder: Path, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Its answers as they come."""
    loop = asyncio.new_event_loop()
    answers = ask(folder, request)
    try:
        while True:
            try:
                yield loop.run_until_complete(anext(answers))
            except StopAsyncIteration:
                return
    finally:
        loop.run_until_complete(answers.aclose())
        loop.close()
