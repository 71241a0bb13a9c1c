"""Pure decisions: events in, actions out; no clock, no operating system, no chance.

Nothing here imports asyncio, os, time, signal, subprocess, socket, threading, logging, random, psutil,
rich or typer. Time is a field of the event (``at``, CLOCK_MONOTONIC seconds).
"""
