"""The fleet of `supervisor demo`: real asyncio workers, some with the faults that this tool was made to explain.

They are programs, not modules: the command copies them to a folder of its own and runs them from there.
"""
