"""Writes docs/coming-from/features.md: the features of former systems, each with the tests that show it.

.venv/bin/python scripts/features.py [--check]

A test shows a feature by its name (`test_rp19_…`, `test_rp6_rp7_…`) or by `@pytest.mark.shows("RP19")`. `--check` says
if the page is stale (exit 1).
"""

import argparse
import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "coming-from"
PAGE = "features.md"
NOT_YET = "not_yet"
SHOWN = 3
"""Tests that are named for a feature; of more, the number is said."""
NAMES = {
    "rom-cam": "rom-cam",
    "diy-security-cam": "DIY Security Cam",
    "ropey-cam": "Ropey-Cam",
    "sudocam": "SudoCam",
    "raspberry-pancake": "Raspberry Pancake",
}
_IDS = re.compile(r"test((?:_(?:rc|dy|rp|sc|pk)\d+)+)(?:_|$)")


def features() -> dict[str, dict[str, str]]:
    """Return the titles by system and ID, and the topics of those that are not there yet."""
    return tomllib.loads((FOLDER / "features.toml").read_text(encoding="utf-8"))


def shown_by(tests: Path = ROOT / "tests") -> dict[str, list[str]]:
    """Return the tests of each ID, as `path::name`, first those that are made for them."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        for name, ids in _marked(ast.parse(path.read_text(encoding="utf-8"))):
            for one in dict.fromkeys(ids):
                found[one].append(f"{path.relative_to(tests)}::{name}")
    return {one: sorted(named, key=lambda test: (not test.startswith("seeds/"), test)) for one, named in found.items()}


def _marked(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            named = _IDS.match(node.name)
            ids = named[1].upper().split("_")[1:] if named else []
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.shows":
                    ids += [str(one.value) for one in mark.args if isinstance(one, ast.Constant)]
            if ids:
                yield node.name, ids


def problems(data: Mapping[str, Mapping[str, str]], tests: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield what is wrong: a feature that is neither shown nor named as missing, and an ID that is none."""
    known = {one for system in NAMES for one in data[system]}
    for one in sorted({*tests, *data[NOT_YET]} - known):
        yield f"{one} is no feature: see docs/coming-from/features.toml"
    for one in sorted(known - {*tests, *data[NOT_YET]}):
        yield f"no test shows {one}, and [not_yet] doesn't say what is missing"


def page(data: Mapping[str, Mapping[str, str]], tests: Mapping[str, list[str]]) -> str:
    known = [one for system in NAMES for one in data[system]]
    there = sum(one in tests for one in known)
    lines = [
        "# Features of former systems",
        "",
        "For people who come from one of these recorders and ask whether tawny does the same. Each row names tests",
        f"that show it, below `tests/`: {there} of {len(known)} features. Made by `scripts/features.py`.",
    ]
    for system, name in NAMES.items():
        lines += ["", f"## {name}", "", "| ID | feature | shown by |", "|---|---|---|"]
        lines += [f"| {one} | {title} | {_cell(one, data[NOT_YET], tests)} |" for one, title in data[system].items()]
    return "\n".join(lines) + "\n"


def _cell(one: str, not_yet: Mapping[str, str], tests: Mapping[str, list[str]]) -> str:
    if one not in tests:
        return f"not yet: {not_yet.get(one, '?')}"
    more = f" and {len(tests[one]) - SHOWN} more" if len(tests[one]) > SHOWN else ""
    return ", ".join(f"`{test}`" for test in tests[one][:SHOWN]) + more


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether the page is stale")
    is_check = parser.parse_args().check
    answer, tests = features(), shown_by()
    wrong = list(problems(answer, tests))
    text, file = page(answer, tests), FOLDER / PAGE
    if is_check and (not file.exists() or file.read_text(encoding="utf-8") != text):
        wrong.append(f"{PAGE} is stale: run scripts/features.py")
    elif not is_check:
        file.write_text(text, encoding="utf-8")
    for one in wrong:
        print(one)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
