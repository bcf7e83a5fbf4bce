"""The index: protocol, SQLite, memory."""
