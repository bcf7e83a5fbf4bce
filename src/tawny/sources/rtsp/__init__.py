"""RTSP cameras: address, client, FFmpeg fallback."""
