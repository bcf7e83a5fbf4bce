"""HTTP API: routes with declared access rules, accounts, and the built web interface."""
