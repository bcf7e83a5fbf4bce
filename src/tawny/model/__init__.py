"""Plain values that every other folder speaks in. Imports only the standard library."""
