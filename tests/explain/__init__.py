"""`supervisor explain` on real processes."""
