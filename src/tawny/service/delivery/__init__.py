"""All that leaves this machine for people and places: what fills the outbox, and who empties it."""
