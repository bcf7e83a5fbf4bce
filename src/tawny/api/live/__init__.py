"""Live video routes: WebSocket, HLS, WebRTC, MJPEG, RTSP authentication."""
