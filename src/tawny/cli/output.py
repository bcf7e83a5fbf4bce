"""What commands say: data on standard output, everything else on standard error; for people or as JSON."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from tawny.model.errors import TawnyError


class Output:
    """as_json: every datum is one line of JSON, and so is an error."""

    def __init__(self, *, as_json: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.as_json = as_json
        self._out, self._err = out or sys.stdout, err or sys.stderr

    def data(self, value: Any, text: str) -> None:
        """One result: the value as JSON, or the text for people."""
        self._out.write((_json(value) if self.as_json else text) + "\n")
        self._out.flush()

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> str:
        """Columns as wide as they need to be; `empty` when there are no rows."""
        lines = [list(heads), *([table_text(cell) for cell in row] for row in rows)]
        if len(lines) == 1:
            return empty
        widths = [max(len(line[n]) for line in lines) for n in range(len(heads))]
        return "\n".join(
            "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def say(self, text: str) -> None:
        """Something for people beside the data; silent when JSON was asked for."""
        if not self.as_json:
            self._err.write(text + "\n")
            self._err.flush()

    def progress(self, text: str) -> None:
        """Where long work is: rewritten in place on a terminal, silent elsewhere."""
        if not self.as_json and self._err.isatty():
            self._err.write(f"\r\x1b[K{text}")
            self._err.flush()

    def error(self, error: TawnyError) -> None:
        if self.as_json:
            told = {"error": {"code": error.code, "message": error.message, "hint": error.do}}
            self._err.write(json.dumps(told, ensure_ascii=False) + "\n")
        else:
            self._err.write(f"tawny: {error}\n")
        self._err.flush()


def table_text(text: str) -> str:
    """As one line of plain text: a file's name may hold line breaks, commands to a terminal, and bytes of no letter."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
