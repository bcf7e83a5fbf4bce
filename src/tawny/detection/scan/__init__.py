"""Events in existing video files. Start with `scan.py`."""
