"""Segment files: content, metadata, motion scores."""
