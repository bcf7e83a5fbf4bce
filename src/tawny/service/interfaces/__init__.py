"""Protocols and values of the services, until step 2 replaces them by the concrete classes."""
