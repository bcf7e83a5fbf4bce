"""How cameras are watched, and what names, reads and remembers what they see."""
