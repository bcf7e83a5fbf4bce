"""Retention: retention times and volumes."""
