"""Accounts, sessions, access tokens, shared links, and the access rule of every route."""
