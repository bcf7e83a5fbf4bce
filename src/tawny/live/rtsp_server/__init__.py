"""RTSP restreaming: other software gets a camera's stream without another connection to the camera."""
