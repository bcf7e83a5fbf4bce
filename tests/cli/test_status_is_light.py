"""A question to a running recorder costs no more than it must: it loads no library that only the recorder needs."""

import subprocess
import sys
from pathlib import Path

ASKED = """
import sys
from tawny.cli.main import main
code = main(["status", "--config", sys.argv[1]])
print(code, sorted({"pydantic", "asyncio", "numpy", "tawny.engine", "tawny.config.settings"} & set(sys.modules)))
"""


def test_status_loads_neither_settings_nor_asyncio(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "tawny.toml"
    (data / "history").mkdir(parents=True)
    file.write_text(f'[storage]\npath = "{data}"\n')
    done = subprocess.run([sys.executable, "-c", ASKED, str(file)], capture_output=True, text=True, check=False)
    assert f"No tawny is running for {data}." in done.stderr
    assert done.stdout == "3 []\n"


def test_a_settings_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "tawny.toml"
    file.write_text("[storage\n")
    done = subprocess.run([sys.executable, "-c", ASKED, str(file)], capture_output=True, text=True, check=False)
    assert "tawny.toml" in done.stderr
    assert "No tawny is running" not in done.stderr
