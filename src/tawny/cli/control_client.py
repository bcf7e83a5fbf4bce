"""Synchronous client of the recorder's control socket."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tawny.app.control_socket import ask
from tawny.model.errors import NotDone


def ask_once(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return the recorder's single answer.

    Raises NotDone: when no recorder uses this folder or it answers with an error.
    """
    for answer in lines(folder, request):
        if "error" in answer:
            raise NotDone(answer["error"]["message"], answer["error"]["hint"])
        return answer
    raise NotDone(f"The tawny recording to {folder} didn't respond.", "It may be shutting down. Try again.")


def lines(folder: Path, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the recorder's answers as they arrive."""
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
