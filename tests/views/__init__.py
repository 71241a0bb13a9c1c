"""The views: records and states as text, at every width."""
