"""Words of shell lines, read as data: quotes, escapes, comments, braces and known variables. Nothing is run."""

import re
from collections.abc import Mapping

MOST_WORDS = 1000
MOST_BRACES = 50
"""Limits of what braces in one word make."""
_RANGE = re.compile(r"(-?\d{1,6})\.\.(-?\d{1,6})(?:\.\.(-?\d{1,6}))?")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?:(:?-)([^{}$`\\\"']*))?\}|([A-Za-z_]\w*))")
"""Also `${NAME:-text}`, for a variable that isn't set or is empty, and `${NAME-text}`, for one that isn't set."""
_Word = list[tuple[str, bool]]
"""Characters, each with whether it is quoted."""


class ShellError(ValueError):
    """The line is broken, or its meaning is known only when it is run."""


def split_commands(text: str, variables: Mapping[str, str]) -> list[list[str]]:
    """Return the words of each command of a line. Raises ShellError."""
    return _Reader(text, variables).commands()


def split_value(text: str, variables: Mapping[str, str], ends: str = "") -> tuple[str, str]:
    """Return the value of an assignment, whose text begins after the `=`, and what follows it. Raises ShellError.

    ends: further characters that end it.
    """
    return _Reader(text, variables).value(ends)


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self._text, self._variables, self._at = text, variables, 0
        self._found: list[list[str]] = [[]]
        self._word: _Word | None = None

    def commands(self) -> list[list[str]]:
        while self._at < len(self._text):
            self._step(self._text[self._at])
        self._end_word()
        return [words for words in self._found if words]

    def value(self, ends: str) -> tuple[str, str]:
        self._word = []
        while self._at < len(self._text) and self._text[self._at] not in f" \t\n;&|<>{ends}":
            self._step(self._text[self._at])
        return "".join(char for char, _ in self._word), self._text[self._at :]

    def _step(self, char: str) -> None:
        self._at += 1
        if char in " \t\n":
            self._end_word()
        elif char == "#" and self._word is None:
            end = self._text.find("\n", self._at)
            self._at = len(self._text) if end < 0 else end
        elif char in ";&|":
            self._end_word()
            self._found.append([])
        elif char in "<>":
            self._redirected()
        elif char == "'":
            end = self._text.find("'", self._at)
            if end < 0:
                raise ShellError("a quote isn't closed")
            self._add(self._text[self._at : end], is_quoted=True)
            self._at = end + 1
        elif char == '"':
            self._double_quoted()
        elif char == "\\":
            escaped = self._text[self._at : self._at + 1]
            self._add("" if escaped == "\n" else escaped, is_quoted=True)
            self._at += 1
        elif char in "$`":
            self._add(self._value(char), is_quoted=True)
        else:
            self._add(char, is_quoted=False)

    def _double_quoted(self) -> None:
        self._add("", is_quoted=True)
        while (char := self._text[self._at : self._at + 1]) != '"':
            if not char:
                raise ShellError("a quote isn't closed")
            self._at += 1
            if char == "\\" and self._text[self._at : self._at + 1] in ('"', "\\", "$", "`", "\n"):
                escaped = self._text[self._at]
                self._add("" if escaped == "\n" else escaped, is_quoted=True)
                self._at += 1
            else:
                self._add(self._value(char) if char in "$`" else char, is_quoted=True)
        self._at += 1

    def _value(self, char: str) -> str:
        """Return what `$` or a backtick at the position before stands for."""
        variable = _VARIABLE.match(self._text, self._at - 1) if char == "$" else None
        if variable is None:
            following = self._text[self._at : self._at + 1]
            if char == "`" or following in ("(", "{") or following.isdigit() or following in ("@", "*"):
                raise ShellError("it is the result of a command, and tawny runs none")
            return char
        name = variable[1] or variable[4]
        if variable[2] and not (self._variables.get(name) or (variable[2] == "-" and name in self._variables)):
            self._at = variable.end()
            return variable[3]
        if name not in self._variables:
            raise ShellError(f"it contains ${name}, which this file doesn't set")
        self._at = variable.end()
        return self._variables[name]

    def _redirected(self) -> None:
        """Skip a redirection with its file."""
        word, self._word = self._word, None
        if word is not None and not "".join(char for char, _ in word).isdigit():
            self._word = word
            self._end_word()
        while self._text[self._at : self._at + 1] in ("<", ">", "&", " ") and self._at < len(self._text):
            self._at += 1
        while self._at < len(self._text) and self._text[self._at] not in " \t\n;&|":
            self._at += 1

    def _add(self, text: str, *, is_quoted: bool) -> None:
        self._word = [] if self._word is None else self._word
        self._word += [(char, is_quoted) for char in text]

    def _end_word(self) -> None:
        word, self._word = self._word, None
        if word is None:
            return
        if sum(char == "{" and not is_quoted for char, is_quoted in word) > MOST_BRACES:
            raise ShellError(f"more than {MOST_BRACES} braces in a word")
        self._found[-1] += ["".join(char for char, _ in one) for one in _expanded(word)]


def _expanded(word: _Word) -> list[_Word]:
    """Return what a word with braces stands for: `{a,b}` and `{5..59..15}`."""
    for begin, (char, is_quoted) in enumerate(word):
        if char != "{" or is_quoted:
            continue
        end = _closing(word, begin)
        options = _options(word[begin + 1 : end]) if end else []
        if end is None or not options:
            continue
        rests = _expanded(word[end + 1 :])
        if len(options) * len(rests) > MOST_WORDS:
            raise ShellError(f"braces that stand for more than {MOST_WORDS} words")
        return [[*word[:begin], *option, *rest] for option in options for rest in rests]
    return [word]


def _closing(word: _Word, begin: int) -> int | None:
    depth = 0
    for at in range(begin, len(word)):
        char, is_quoted = word[at]
        depth += 0 if is_quoted else (char == "{") - (char == "}")
        if depth == 0:
            return at
    return None


def _options(inside: _Word) -> list[_Word]:
    parts: list[_Word] = [[]]
    depth = 0
    for char, is_quoted in inside:
        depth += 0 if is_quoted else (char == "{") - (char == "}")
        if char == "," and not is_quoted and depth == 0:
            parts.append([])
        else:
            parts[-1].append((char, is_quoted))
    if len(parts) > 1:
        return [option for part in parts for option in _expanded(part)]
    span = _RANGE.fullmatch("".join(char for char, _ in inside))
    if span is None or any(is_quoted for _, is_quoted in inside):
        return []
    first, last, step = int(span[1]), int(span[2]), abs(int(span[3] or 1)) or 1
    if abs(last - first) // step >= MOST_WORDS:
        raise ShellError(f"braces that stand for more than {MOST_WORDS} words")
    numbers = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    return [[(char, False) for char in str(number)] for number in numbers]
