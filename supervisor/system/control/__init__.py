"""The control socket of a running fleet: its place in the file system, the server, the client."""
