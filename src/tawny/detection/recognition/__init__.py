"""What things that were seen say of themselves: recognisers are shown people and vehicles, and say what they read."""
