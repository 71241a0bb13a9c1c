"""Talks to the operating system and decides nothing."""
