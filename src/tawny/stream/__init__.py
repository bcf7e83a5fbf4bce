"""Packets of one camera in memory: session, ring buffer, readers, damage."""
