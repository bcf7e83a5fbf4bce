"""Value types shared by all other packages. Imports only the standard library."""
