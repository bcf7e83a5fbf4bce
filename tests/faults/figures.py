"""What the suite measures, as JSON lines: `.test/figures/<name>.jsonl`, one file a fault, from its newest run.

`scripts/reliability.py` makes the tables of docs/how-it-works/reliability.md of them.
"""

import json
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".test" / "figures"


def note(name: str, **figures: float | str) -> None:
    """One fault's figures, in place of those of an earlier run. name: a row of the table, such as `kill`."""
    rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in figures.items()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.jsonl").write_text(json.dumps({"name": name, **rounded}, ensure_ascii=False) + "\n")
