"""Routes for events, search and the state socket."""
