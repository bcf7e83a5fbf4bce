"""Events in video files, found after the fact: `scan.py` first."""
