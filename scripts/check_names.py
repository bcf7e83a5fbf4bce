"""Check the vocabulary of src/tawny: class names are unique, and words that no engineer would search for stay rare.

    .venv/bin/python scripts/check_names.py [--report]

`--report` lists every finding. Exit: 0 within the limits, 1 over one of them.
docs/reference/glossary.md names the terms to use instead.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SRC: Final = Path(__file__).parent.parent / "src"
WORD_LIMITS: Final[Mapping[str, int]] = {
    "told|tell|tells|telling": 40,  # notify (a person), return, report or publish (a value)
    "heard|hear|hears|ear": 20,  # receive; only sound is heard
    "nobody|somebody|anybody|whoever": 30,  # person, user, client, caller; none
    "anew|beside|at hand|lately": 20,  # re-encode, retry, rebuild; next to; recently
    "what is (?:asked|wanted|there|known|said)": 5,  # the request, the setting, the existing entries
    "desk|bench|shelf|crew|house": 0,  # queue, store, service, pool
    "so (?:many|much|long)": 20,  # count, size, limit, timeout, interval
}
"""Highest number of occurrences in docstrings, comments and strings, by a group of words (a regular expression)."""
EXEMPT: Final = frozenset({("tawny.detection.models.labels", "bench")})
"""Words of a foreign vocabulary: module and word. COCO has a label `bench`."""


def find_modules(src: Path) -> dict[str, Path]:
    """Return the path of each module of the package, by its dotted name."""
    found = {}
    for path in sorted((src / "tawny").rglob("*.py")):
        parts = path.relative_to(src).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def find_shared_classes(modules: Mapping[str, Path]) -> dict[str, list[str]]:
    """Return the public class names that are defined more than once, each with its places (`module:line`)."""
    places = defaultdict(list)
    for name, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{name}:{node.lineno}")
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def count_words(modules: Mapping[str, Path]) -> dict[str, Counter[str]]:
    """Return, for each group of WORD_LIMITS, how often its words occur in strings and comments of each module."""
    counts: dict[str, Counter[str]] = {group: Counter() for group in WORD_LIMITS}
    patterns = {group: re.compile(rf"\b(?:{group})\b", re.IGNORECASE) for group in WORD_LIMITS}
    for name, path in modules.items():
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            if token.type in (tokenize.STRING, tokenize.COMMENT):
                for group, pattern in patterns.items():
                    words = [found.lower() for found in pattern.findall(token.string)]
                    counts[group][name] += sum((name, word) not in EXEMPT for word in words)
    return counts


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--report", action="store_true", help="list every finding")
    report = arguments.parse_args().report
    modules = find_modules(SRC)
    shared = find_shared_classes(modules)
    failed = bool(shared)
    print(f"class names defined twice: {len(shared)} (at most 0)")
    for name, places in shared.items():
        print(f"    {name}: {', '.join(places)}")
    for group, counts in count_words(modules).items():
        limit = WORD_LIMITS[group]
        failed |= counts.total() > limit
        print(f"{group}: {counts.total()} (at most {limit})")
        for name, count in counts.most_common() if report else counts.most_common(3):
            if count:
                print(f"    {name}: {count}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
