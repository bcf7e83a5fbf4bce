"""Films of situations that a detector must tell apart, each with its truth, all chance from a seed: `situations.py`."""
