"""Delivery service: fills and empties the outbox of uploads and notifications."""
