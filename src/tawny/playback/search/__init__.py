"""Search of events by text, by image area and over a day, from stored data without decoding."""
