"""What moves is asked its name: a model looks around what is followed, and several looks make a name."""
