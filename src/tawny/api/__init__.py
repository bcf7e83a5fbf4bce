"""HTTP: routes with declared access, accounts, the built interface."""
