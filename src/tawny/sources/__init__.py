"""Video sources: every way to get packets from a camera, behind the protocol in `source.py`."""
