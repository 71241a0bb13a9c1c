"""Measured stops: start a program, wait until it is ready, ask it to stop, many times.

plan.py says what to do; moment.py and quiet.py decide, without a clock, when a run asks for its stop; conductor.py
follows one run on the loop; trials.py makes run after run; result.py puts them together; telling.py shows them.
"""
