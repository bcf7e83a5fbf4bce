"""Routes for owners: settings, users, delivery targets, modes, encryption."""
