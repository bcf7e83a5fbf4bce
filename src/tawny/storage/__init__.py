"""Storage: volumes, segment files, index, history, retention, check and rebuild."""
