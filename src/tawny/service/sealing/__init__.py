"""What is sealed and to whom, and who may open it."""
