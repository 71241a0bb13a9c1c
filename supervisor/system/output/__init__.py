"""The workers' output on its way to our own streams, and our own words among it."""
