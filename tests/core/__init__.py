"""Tests of the pure core: its promises, its transcripts, its tables."""
