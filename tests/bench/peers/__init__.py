"""The programs that the server is measured against; each runs in a process of its own."""
