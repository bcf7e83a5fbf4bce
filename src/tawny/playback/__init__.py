"""Playback of the archive: timeline, segments, clips, exports, search."""
