"""Index of segments, gaps and events: protocol, SQLite and memory implementations."""
