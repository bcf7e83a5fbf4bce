"""What is done about events off this machine."""
