"""Integrations with other software: messages sent to it and commands received from it."""
