"""Sound detection: loud sounds and their classes. Start with `listener.py`."""
