"""The archive: recordings in a bucket of objects, read by ranges."""
