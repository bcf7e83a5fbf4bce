"""The append-only history and the signed history."""
