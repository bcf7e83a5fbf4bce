"""Routes for recordings: timeline, playback, clips."""
