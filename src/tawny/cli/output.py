"""Command output: data on standard output, messages on standard error; as text or as JSON."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from tawny.model.errors import NotDone, TawnyError


class Output:
    """Writes results and messages.

    as_json: print every result and every error as one line of JSON.
    """

    def __init__(self, *, as_json: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.as_json = as_json
        self._out, self._err = out or sys.stdout, err or sys.stderr

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads the results in a terminal."""
        return not self.as_json and self._out.isatty()

    def data(self, value: Any, text: str) -> None:
        """Print one result: `value` as JSON, or `text` for people. Raises NotDone: when it can't be written."""
        with writing_output():
            self._out.write((_json(value, self._out.encoding) if self.as_json else encodable(text)) + "\n")
            self._out.flush()

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> str:
        """Return rows as aligned columns, or `empty` if there are no rows."""
        lines = [list(heads), *([table_text(cell) for cell in row] for row in rows)]
        if len(lines) == 1:
            return empty
        widths = [max(len(line[n]) for line in lines) for n in range(len(heads))]
        return "\n".join(
            "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def say(self, text: str) -> None:
        """Print a message for people on standard error; nothing with `--json`."""
        if not self.as_json:
            self._tell(text + "\n")

    def progress(self, text: str) -> None:
        """Show progress, rewritten in place on a terminal; print nothing elsewhere."""
        if not self.as_json and self._err.isatty():
            self._tell(f"\r\x1b[K{text}")

    def error(self, error: TawnyError) -> None:
        if self.as_json:
            data = {"error": {"code": error.code, "message": error.message, "hint": error.do}}
            self._tell(json.dumps(data, ensure_ascii=False) + "\n")
        else:
            self._tell(f"tawny: {error}\n")

    def _tell(self, text: str) -> None:
        """Write a message. One that can't be written ends no command and changes no exit code."""
        try:
            self._err.write(text)
            self._err.flush()
        except OSError:
            discard_output(self._err)


@contextmanager
def writing_output() -> Iterator[None]:
    """Raise NotDone when standard output can't be written. BrokenPipeError passes: its reader wants no more."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise NotDone(f"Can't write the output ({error.strerror}).") from error


def discard_output(stream: TextIO | None = None) -> None:
    """Send standard output, or `stream`, to /dev/null: Python writes what is left of it at the exit, and would fail."""
    opened = os.open(os.devnull, os.O_WRONLY)
    os.dup2(opened, (stream or sys.stdout).fileno())
    os.close(opened)


def encodable(text: str) -> str:
    """Return the text with escapes for undecodable bytes, which names of files may have."""
    return text.encode("utf-8", "backslashreplace").decode()


def table_text(text: str) -> str:
    """Return the text with unprintable characters escaped.

    File names may contain line breaks, terminal escape sequences and undecodable bytes.
    """
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _json(value: Any, encoding: str | None) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value)
    return text if text.isprintable() else json.dumps(value)
