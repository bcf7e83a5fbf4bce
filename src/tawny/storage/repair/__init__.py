"""Check, recovery and rebuild."""
