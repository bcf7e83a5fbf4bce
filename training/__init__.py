"""Training of the model that suggests kinds: `collect`, `compose`, `train`, `card`. docs/kinds.md tells how."""

import os

# two threads that wait for each other took fifty times as long beside others
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# onnxruntime is not to tell its makers that it is used
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
