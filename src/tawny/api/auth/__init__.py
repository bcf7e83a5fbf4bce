"""Accounts, sessions, passes, shared links, and the access rule of every route."""
