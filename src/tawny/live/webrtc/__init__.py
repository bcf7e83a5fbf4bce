"""WebRTC: sends the ring buffer's packets to browsers as RTP, unchanged, and receives those of phones that are cameras.

One port (UDP and TCP) for all connections. ICE-lite: only the browser initiates connectivity checks, so the answer
needs no candidate gathering. Everything runs in the event loop; packets arrive from another thread (`live.wakeup`).
"""
