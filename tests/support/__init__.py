"""What the tests on real processes share: starting the wrapper, talking to it, looking at /proc, terminals."""
