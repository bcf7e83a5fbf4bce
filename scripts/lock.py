"""Writes requirements.lock: every package by version and by the hashes of its files, for all platforms, in three parts.

    python scripts/lock.py            # hashes for the versions as they are, and for packages that pyproject.toml adds
    python scripts/lock.py --upgrade  # newest versions

It needs `uv` (https://docs.astral.sh/uv/), which asks the package index that is configured; its name is not written.
`pip install --require-hashes --no-deps -r FILE` then installs exactly these files.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
HEAD = "# made by scripts/lock.py: versions and hashes of all packages; scripts/setup.sh installs the parts it needs"
PARTS = {"users": "all", "build": "", "tests": "dev"}
"""Each begins with the line `# part: NAME` and leaves out what stands above it; the extra that it is made from."""
BUILD = ["editables"]
"""What hatchling asks for when it installs a folder with changes."""


def parts_of(text: str) -> dict[str, str]:
    """Return the parts of a lock file, without their first lines."""
    found = {}
    for part in text.split("# part: ")[1:]:
        name, _, lines = part.partition("\n")
        found[name] = lines
    return found


def entries_of(text: str) -> dict[str, str]:
    """Return the lines of each package by `name` and its marker."""
    found, key = dict[str, str](), ""
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = line.rstrip(" \\")
            name, _, rest = requirement.partition("==")
            key = name + rest.partition(";")[2]
            found[key] = ""
        if key and not line.startswith("#"):
            found[key] += line + "\n"
    return found


def compile_part(uv: str, extra: str, versions: Path) -> str:
    """Return the packages that this extra needs, for all platforms and for every supported Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    words = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"]
    words += ["--no-emit-find-links", "--python-version", "3.11", "--constraints", str(versions)]
    with tempfile.NamedTemporaryFile("w", suffix=".in") as wanted:
        if extra:
            source = [str(ROOT / "pyproject.toml"), "--extra", extra, "--no-emit-package", "tawny"]
        else:
            wanted.write("\n".join([*project["build-system"]["requires"], *BUILD]))
            wanted.flush()
            source = [wanted.name]
        done = subprocess.run([uv, "pip", "compile", *source, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"uv could not resolve them: {done.stderr.strip()}")
    return done.stdout


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--upgrade", action="store_true", help="take the newest versions")
    upgrade = asked.parse_args().upgrade
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("uv is not installed: pip install uv")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as versions:
        if not upgrade:
            lines = LOCK.read_text(encoding="utf-8").splitlines()
            versions.write("\n".join(line.rstrip(" \\") for line in lines if line and not line.startswith((" ", "#"))))
            versions.flush()
        made, text = dict[str, str](), HEAD + "\n"
        for part, extra in PARTS.items():
            entries = entries_of(compile_part(uv, extra, Path(versions.name)))
            new = {key: lines for key, lines in entries.items() if key not in made}  # again with another marker
            made |= new
            text += f"# part: {part}\n" + "".join(new[key] for key in sorted(new))
    LOCK.write_text(text, encoding="utf-8")
    print(f"{LOCK.name}: {len(made)} packages, {text.count('--hash=')} hashes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
