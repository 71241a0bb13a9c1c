"""How closely the agent looks at a shutdown. Constants alone, loaded by path in the worker, imported by diagnosis."""

# The sampler's pauses: up to so many seconds after its begin it looks again after so many. Diagnosis takes two stamps
# that are a pause apart for the same instant: finer costs the worker more, coarser tells less.
LOOKS = ((0.4, 0.01), (2.0, 0.03), (30.0, 0.05), (300.0, 0.25), (float("inf"), 1.0))
# A stay in one place is told when it has lasted so long (seconds), then at each doubling; a shorter one never is.
FIRST_TOLD = 0.05
# A pause is at least so many times the look's CPU time: the sampler takes 5 % of a core at most.
DUTY = 20
