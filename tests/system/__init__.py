"""Tests of system/ in this process, where no supervisor has to run."""
