"""Delivery: uploads, notifications and commands of other software."""
