"""What earlier runs were like, in one sqlite file: place.py says where it is, store.py writes and reads it."""
