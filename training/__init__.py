"""Training of the built-in classifier: `collect`, `compose`, `train`, `card`. See docs/how-to/train-a-model.md."""

import os

from tawny.engine.user_script_process import TELLS_NOBODY

# two threads that wait for each other took fifty times as long beside others
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

os.environ.update(TELLS_NOBODY)
