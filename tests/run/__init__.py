"""`supervisor run` on real processes, signals and terminals."""
