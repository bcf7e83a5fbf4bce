"""Whether a clip is a piece of the recording without a hole: compared packet by packet."""

import json
import subprocess
from pathlib import Path


def packets(path: Path) -> list[tuple[float, str]]:
    """Of the video: seconds since the file's first packet, and the packet's hash. A file just begun has none."""
    shown = ["-show_packets", "-show_data_hash", "md5", "-show_entries", "packet=dts_time,data_hash"]
    command = ["ffprobe", "-v", "error", "-select_streams", "v", *shown, "-of", "json", str(path)]
    answer = json.loads(subprocess.run(command, capture_output=True, timeout=60).stdout).get("packets")
    if not answer:
        return []
    first_s = float(answer[0]["dts_time"])
    return [(float(one["dts_time"]) - first_s, one["data_hash"]) for one in answer]


def missing_s(clip: Path, recorded: list[Path], wanted_s: float) -> float:
    """How much of what was wanted the clip lacks; 0 if it has all of it, each packet as recorded and in order.

    recorded: the recording's files, in order of time. AssertionError: something in the clip was never recorded so.
    """
    all_recorded = [hashed for path in recorded for _, hashed in packets(path)]
    within = packets(clip)
    hashed = [one for _, one in within]
    begins = [at for at, one in enumerate(all_recorded) if one == hashed[0]]
    assert any(all_recorded[at : at + len(hashed)] == hashed for at in begins), f"{clip} is not a piece of {recorded}"
    frame_s = within[-1][0] / max(1, len(within) - 1)
    return max(0.0, wanted_s - (within[-1][0] + frame_s))
