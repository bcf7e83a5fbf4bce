"""WebRTC: the ring's packets to browsers by RTP, as they are. One port for all connections, UDP and TCP.

Only the viewer connects (ICE's "lite" side is ours), so an answer is there at once and nothing is gathered for it.
All of it runs in the event loop; packets come from another thread (`live.wakeup`).
"""
