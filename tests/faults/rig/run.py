"""`python -m tests.faults.rig.run FOLDER RUN_S OPTIONS COMMAND ...`: run a command on a logged ext4 (`ext4.record`).

OPTIONS: the other arguments of `record` as a JSON object.
"""

import json
import sys
from pathlib import Path

from tests.faults.rig.ext4 import record

if __name__ == "__main__":
    record(Path(sys.argv[1]), sys.argv[4:], float(sys.argv[2]), **json.loads(sys.argv[3]))
