"""Modes and rules: current mode, presence, decisions and actions."""
