"""Benchmarks: this supervisor beside its peers, in interleaved rounds on one machine. See README.md."""
