"""`supervisor up` on real processes."""
