"""One camera's packets in memory: session, ring, hub of readers, health."""
