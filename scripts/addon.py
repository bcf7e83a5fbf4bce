"""Makes the add-on for Home Assistant ready to be installed: a folder with all that its image is built from.

.venv/bin/python scripts/addon.py FOLDER
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ADDON = ROOT / "addons" / "tawny"


def ready(folder: Path, wheel: Path) -> None:
    """folder: made; wheel: tawny itself."""
    shutil.copytree(ADDON, folder, dirs_exist_ok=True)
    for old in folder.glob("tawny-*.whl"):
        old.unlink()
    shutil.copy2(wheel, folder)
    shutil.copy2(ROOT / "requirements.lock", folder)


def built(folder: Path) -> Path:
    """tawny as a wheel, in this folder."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    return next(folder.glob("tawny-*.whl"))


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path, metavar="FOLDER", help="what is to be made ready")
    folder = asked.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    ready(folder, built(folder))
    print(f"{folder} is ready. Copy it to Home Assistant's folder for add-ons, and reload the list of add-ons there.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
