"""Routes for owners: settings, people, targets, modes, sealing."""
