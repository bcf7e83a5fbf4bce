"""A recorder whose disk is unmounted for some seconds and mounted again: `unshare --mount` runs this as root.

Prints what was found where the disk should have been meanwhile, and what `check` says in the end.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.app.rig import looked_at, one_camera, rig


def main() -> None:
    clip, disk, place = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    _mount(disk, place)
    with rig(one_camera(clip), place) as bench:
        bench.wait_for_seconds(3)
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        bench.wait_for_seconds(6)
        in_its_place = [path.name for path in place.iterdir()]
        warned = [warn.message for warn in bench.running.warnings()]
        _mount(disk, place)
        bench.wait_for_seconds(3)
    report = looked_at(place)
    data = {
        "in_its_place": in_its_place,
        "warned": warned,
        "findings": [f"{one.what} {one.path} {one.detail}" for one in report.findings],
        "recorded_s": report.wall.recorded_s if report.wall is not None else 0.0,
    }
    sys.stdout.write(json.dumps(data) + "\n")


def _mount(disk: Path, place: Path) -> None:
    subprocess.run(["mount", "--bind", str(disk), str(place)], check=True)


if __name__ == "__main__":
    main()
