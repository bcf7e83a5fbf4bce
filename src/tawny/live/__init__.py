"""The ring to browsers: packets as they come."""
