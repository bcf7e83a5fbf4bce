"""tawny: a security-camera recorder. Read the folders in the data's order: sources, stream, recorder, storage, ..."""

__version__ = "0.1.0"
REPOSITORY = "tawny/tawny"
"""Where it is published, on GitHub."""
