"""Recorder: writes packets to segments."""
