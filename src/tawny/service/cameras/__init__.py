"""Cameras: a running camera, its state, and changes to its settings at runtime."""
