"""Finding what happened, by words, by a spot in the picture, and over a day; from what is stored, without decoding."""
