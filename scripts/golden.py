"""Writes the golden documents of API, commands and settings into tests/golden/. `--check` reports stale ones (exit 1).

.venv/bin/python -m scripts.golden [--check]
"""

import sys
from pathlib import Path

from tests.golden.extract import EXTRACTS, to_text

ROOT = Path(__file__).parent.parent


def main() -> int:
    stale = 0
    for name, extract in EXTRACTS.items():
        path = ROOT / "tests" / "golden" / f"{name}.json"
        text = to_text(extract())
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if "--check" in sys.argv:
            print(f"stale: {path.relative_to(ROOT)}; run python -m scripts.golden")
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
