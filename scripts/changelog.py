"""Merge the fragments in changes/ into CHANGELOG.md, below the newest heading. `--check` only tests them (exit 1).

.venv/bin/python scripts/changelog.py [--check]
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
CHANGELOG: Final = ROOT / "CHANGELOG.md"
FOLDER: Final = ROOT / "changes"
KINDS: Final = ("added", "changed", "fixed")
MAX_LENGTH: Final = 120
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\.(added|changed|fixed)\.md")


def fragments(folder: Path = FOLDER) -> list[Path]:
    """Return all files of the folder except README.md, sorted by name."""
    return sorted(path for path in folder.iterdir() if path.name != "README.md")


def problems(paths: Iterable[Path]) -> Iterator[str]:
    """Return what is wrong with each malformed fragment."""
    for path in paths:
        if _NAME.fullmatch(path.name) is None:
            yield f"{path.name}: name it NAME.added.md, NAME.changed.md or NAME.fixed.md, lower case with hyphens"
            continue
        text = path.read_text(encoding="utf-8").strip()
        if not text or "\n" in text:
            yield f"{path.name}: write exactly one line"
        elif len(text) > MAX_LENGTH:
            yield f"{path.name}: {len(text)} characters; allowed: {MAX_LENGTH}"
        elif text.startswith(("-", "*")) or not text.endswith("."):
            yield f"{path.name}: write one sentence with a period, without a bullet"


def merged(changelog: str, paths: Iterable[Path]) -> str:
    """Return the changelog with each fragment at the end of its list, in the newest version."""
    head, mark, rest = changelog.partition("\n## ")
    newest, older_mark, older = rest.partition("\n## ")
    for path in paths:
        found = _NAME.fullmatch(path.name)
        assert found is not None
        newest = _appended(newest, found[1], path.read_text(encoding="utf-8").strip())
    return head + mark + newest + older_mark + older


def _appended(version: str, kind: str, text: str) -> str:
    heading = f"### {kind.capitalize()}"
    sections = re.split(r"\n(?=### )", version.rstrip("\n"))
    for number, section in enumerate(sections):
        if section.startswith(heading):
            sections[number] = f"{section.rstrip()}\n- {text}\n"
            return "\n".join(sections).rstrip("\n") + "\n"
    return "\n".join([*sections, f"\n{heading}\n\n- {text}\n"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only test the fragments")
    args = parser.parse_args()
    found = fragments()
    wrong = list(problems(found))
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    if not args.check:
        CHANGELOG.write_text(merged(CHANGELOG.read_text(encoding="utf-8"), found), encoding="utf-8")
        for path in found:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
