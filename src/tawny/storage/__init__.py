"""The disk: volume, segment files, index, history, retention, check and rebuild."""
