"""What a camera is: everything that gives packets, behind the one protocol in `source.py`."""
