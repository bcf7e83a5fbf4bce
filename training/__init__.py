"""Training of the model that suggests kinds: `collect`, `compose`, `train`, `card`. docs/kinds.md tells how."""

import os

os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # two that wait for each other took fifty times as long beside others
