"""Built-in notifiers, each with its own entry point."""
