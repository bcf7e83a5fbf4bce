"""Two checkouts run in turns, and each figure that both print is compared."""

from pathlib import Path

import pytest

from benchmarks.turns import figures_of, main

COUNTS = """
import sys
from pathlib import Path
ran = Path(__file__).parent.parent / "ran"
times = len(ran.read_text()) if ran.exists() else 0
ran.write_text("x" * (times + 1))
took = [{took}][times]
print(f"1,000 segments of {{sys.argv[1]}}: {{took:.1f}} s, H.264")
sys.exit({code})
"""

MEETS = """
import time
from pathlib import Path
Path("{mine}").touch()
until_s = time.monotonic() + 30
while not Path("{other}").exists():
    assert time.monotonic() < until_s, "the other one has not begun"
    time.sleep(0.01)
"""


def checkout(folder: Path, *took: float, code: int = 0) -> str:
    (folder / "benchmarks").mkdir(parents=True)
    (folder / "benchmarks" / "__init__.py").touch()
    text = COUNTS.format(took=", ".join(map(str, took)), code=code)
    (folder / "benchmarks" / "made.py").write_text(text)
    return str(folder)


def test_figures_are_named_by_the_words_around_them() -> None:
    assert dict(figures_of("10,000 segments: 1.5 s, H.264\nnothing")) == {
        "# segments: _ s, H.264": 10_000,
        "_ segments: # s, H.264": 1.5,
    }


@pytest.mark.parametrize("how", [[], ["--together"]], ids=["in turns", "together"])
def test_the_median_of_the_ratios_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], how: list[str]) -> None:
    old, new = checkout(tmp_path / "old", 1.0, 2.0, 4.0), checkout(tmp_path / "new", 2.0, 1.0, 2.0)
    assert main([old, new, "--times", "3", *how, "made", "cameras"]) == 0
    output = capsys.readouterr().out
    assert "| _ segments of cameras: # s, H.264 | 2 | 2 | 0.500 | 0.500 | 2.000 |" in output
    assert "| processor time, s |" in output


def test_together_both_run_at_once(tmp_path: Path) -> None:
    old, new = checkout(tmp_path / "old"), checkout(tmp_path / "new")
    for mine, other in ((old, new), (new, old)):
        waits = MEETS.format(mine=Path(mine) / "begun", other=Path(other) / "begun")
        (Path(mine) / "benchmarks" / "made.py").write_text(waits)
    assert main([old, new, "--times", "1", "--together", "made"]) == 0


def test_a_run_that_fails_is_told_and_nothing_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = checkout(tmp_path / "old", 1.0), checkout(tmp_path / "new", 1.0, code=3)
    assert main([old, new, "made", "x"]) == 1
    result = capsys.readouterr()
    assert result.out == ""
    assert "code 3" in result.err
    assert str(tmp_path / "new") in result.err
