"""Detectors that others have used for years, with their own numbers, each a file; `plain.py` is what they share."""
