"""The archive to browsers: timeline, playing, clips."""
