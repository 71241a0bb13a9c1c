"""Where the time went: from typed notes to a timeline, to what held each stretch of it, to the critical path."""
