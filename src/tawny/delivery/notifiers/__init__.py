"""Our notifiers, each behind an entry point of its own."""
