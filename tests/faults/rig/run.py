"""`python -m tests.faults.rig.run FOLDER RUN_S COMMAND ...`: run a command on a logged ext4 (`ext4.record`)."""

import sys
from pathlib import Path

from tests.faults.rig.ext4 import record

if __name__ == "__main__":
    record(Path(sys.argv[1]), sys.argv[3:], float(sys.argv[2]))
