"""The dashboard's picture: the state of a fleet in, rich renderables out; no terminal is touched."""
