"""What an attacker does, with its own numbers: each attack is a test."""
