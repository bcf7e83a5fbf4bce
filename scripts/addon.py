"""Makes the add-on for Home Assistant ready to be installed: a folder with all that its image is built from.

    .venv/bin/python scripts/addon.py FOLDER --image python:3.13-slim-bookworm@sha256:DIGEST

The image that it is built on is named by its digest, which you look up: `docker buildx imagetools inspect
python:3.13-slim-bookworm` prints it as `Digest:`. It is that of the list for all processors.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
ADDON = ROOT / "addons" / "tawny"


def image_by_digest(text: str) -> str:
    """Return the name of an image. Raises ArgumentTypeError for one without a digest."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"{text} has no digest; use NAME@sha256:DIGEST")
    return text


def ready(folder: Path, wheel: Path, image: str) -> None:
    """folder: made; wheel: tawny itself; image: what it is built on, by its digest."""
    shutil.copytree(ADDON, folder, dirs_exist_ok=True)
    (folder / "build.yaml").write_text(f"build_from:\n  amd64: {image}\n  aarch64: {image}\n", encoding="utf-8")
    for old in folder.glob("tawny-*.whl"):
        old.unlink()
    shutil.copy2(wheel, folder)
    for name in ("requirements.lock", "LICENSE", "ui/LICENSES.txt"):
        shutil.copy2(ROOT / name, folder)


def built(folder: Path) -> Path:
    """tawny as a wheel, in this folder, built by the tools of the lock that are installed here."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    return next(folder.glob("tawny-*.whl"))


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path, metavar="FOLDER", help="what is to be made ready")
    asked.add_argument("--image", type=image_by_digest, required=True, help="the Python image, NAME@sha256:DIGEST")
    options = asked.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as apart:  # ready() deletes the wheels in its folder
        ready(folder, built(Path(apart)), options.image)
    print(f"{folder} is ready. Copy it to Home Assistant's folder for add-ons, and reload the list of add-ons there.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
