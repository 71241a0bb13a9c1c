"""A process supervisor that says why. The map of the package, from the top; each imports only what is below it.

entry        argv -> the lean path of `run`, or cli/app
cli/         options -> frozen plan -> one call -> exit code; no decision
runs/        one run from its start to its told end: knows loop, system and views, no argv
loop/        the only event loop: a fact arrives -> core decides -> system carries out
top/         the dashboard, a process of its own on the control socket
views/       records -> text, Markdown, JSON, rich renderables; pure
system/      the only folder that touches the operating system; decides nothing
config/      files -> core's specs; every complaint names file:line:col, key, hint
diagnosis/   pure explanation: (record, evidence) -> timeline, critical path, findings
core/        pure decisions: events in, actions out; time is a field of the event
agent/       runs inside somebody else's process: standard library only, never raises
errors       the errors a user can fix

Nothing here is needed at run time: supervisord installs a package of the same name (see _sigdrain_entry).
"""
