"""Established motion detectors with their usual parameters, one per file; `base.py` has the shared code."""
