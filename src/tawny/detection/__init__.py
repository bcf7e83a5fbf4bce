"""Detection: turns decoded frames and audio into observations."""
