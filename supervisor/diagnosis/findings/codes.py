"""The table of codes: what a finding of each code says, means and advises. The docs and all views read it.

``title`` and each text of ``advice`` are templates; a rule fills the names it uses (``{signal}``), and names which of
several pieces of advice fits. ``severity`` is the usual one; rank.py raises or lowers it by what the shutdown shows.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor.core.record import Severity


class Code(Frozen):
    """One row. ``meaning``: why it matters, one sentence. ``advice``: a text, or by name what fits in which case."""

    code: str
    severity: Severity
    title: str
    advice: str | Mapping[str, str]
    meaning: str

    def advised(self, hint: str) -> str:
        """Return the text of that name; of a code with one piece of advice that one."""
        return self.advice if isinstance(self.advice, str) else self.advice[hint]


_ROWS = (
    # ---- signals
    Code(
        "no-signal-handler",
        "error",
        "{signal} has no handler: {who} died at once{lost}",
        {
            "handle": "Handle {signal} (in asyncio: loop.add_signal_handler(signal.{signal}, stop.set)) "
            "and let main() return.",
            "main-only": "Send {signal} to the main process only (--child-only), which drains its children, "
            "or handle it in them.",
        },
        "The default action of SIGTERM ends a process on the spot: no finally, no atexit, no answer to clients.",
    ),
    Code(
        "signal-ignored",
        "warning",
        "{signal} is {how}: {seconds} passed before the next signal",
        {
            "reset": "Reset {signal} in the worker, {other}.",
            "keyboard": "Reset {signal} in the worker (a shell's & starts it so, and --keep-ignored leaves it so), "
            "{other}.",
        },
        "An ignored or blocked stop signal does nothing; only the next rung of the escalation ends the worker.",
    ),
    Code(
        "handler-displaced",
        "error",
        "The {signal} handler {displaced} was replaced{never}",
        "Keep the handler that was there and call it from yours, or use the server's own shutdown hook.",
        "Only one handler per signal exists; a library or server that installed its own never learns of the stop.",
    ),
    Code(
        "handler-not-run",
        "warning",
        "The {signal} handler could not run for {seconds}{doing}",
        {
            "free-main": "Move the long call out of the main thread, or into code that releases the GIL and "
            "returns from time to time.",
            "free-gil": "Run that call in another process: while C code keeps the GIL, no other thread of its "
            "process can run.",
        },
        "Python runs signal handlers in the main thread, between two bytecodes: a long C call holds them back.",
    ),
    Code(
        "exit-by-reraised-signal",
        "note",
        "It ended itself with {signal} after its own shutdown: atexit handlers did not run",
        "Put cleanup into the server's shutdown hook (lifespan), not into atexit.",
        "A server that raises the signal again after its drain skips atexit and the interpreter's own teardown.",
    ),
    Code(
        "exit-without-cleanup",
        "error",
        "{how} ended {who}{lost}",
        {
            "return": "Let main() return (cancel and await the tasks first) instead of calling {how}.",
            "main-only": "Send {signal} to the main process only (--child-only), which drains its children, "
            "or let the child's handler wait for its job.",
        },
        "os._exit() and sys.exit() from the middle leave tasks, finally blocks or atexit handlers undone.",
    ),
    # ---- tasks
    Code(
        "slow-task",
        "note",
        "{task} {held} {seconds}",
        {
            "cleanup": "Bound the cleanup with a timeout (asyncio.timeout, wait_for), or do it before the stop.",
            "attempts": "Its timeout cut it off: limit all such attempts together, or make them before the stop.",
            "cut-off": "It was cut off before it had finished: give it more time, or make it finish sooner.",
            "to-the-end": "Put a timeout around the wait, or cancel the task when the stop is requested.",
            "new": "It began after the stop request: do it earlier, at the same time as the rest, or with a timeout.",
            "others": "It waited for another part of the program: let that part see the stop request, or put a "
            "timeout around the wait.",
            "tasks": "Put a timeout around this wait and cancel what is left.",
            "since": "It began after the stop request and ended by itself: make it shorter, or bound it with a "
            "timeout.",
            "in-flight": "It was under way and ended by itself; if that is too long, give it a timeout or cancel it.",
            "shorter": "It has a timeout: make that shorter than what a stop may take, or end the wait when the stop "
            "is requested.",
            "cancelled": "It was cancelled already: put a timeout around what it does after that.",
        },
        "The exit waited for this task; nothing else would have ended it sooner.",
    ),
    Code(
        "cancel-swallowed",
        "warning",
        "{task} {went_on}",
        {
            "re-raise": "End that handler with a bare `raise` (or leave the loop), so that cancelling ends the task.",
            "wait-for": "Before Python 3.12 asyncio.wait_for() drops a cancel that meets its result: use "
            "asyncio.timeout() (3.11+, the package async-timeout before), or look at a flag in the loop.",
            "narrow": "Catch `Exception` instead of everything, or re-raise CancelledError, so that cancelling "
            "ends the task.",
        },
        "A task that catches CancelledError and goes on cannot be stopped; the exit waits until it ends by itself.",
    ),
    Code(
        "task-created-in-cancel-handler",
        "error",
        "{task} was created while a cancellation was handled, and never finished",
        "Await that work inside the handler (with a timeout), or do it before cancelling; do not create a task.",
        "The runner cancels the tasks it knows, once: a task born during that is neither awaited nor cancelled.",
    ),
    Code(
        "loop-closed-with-pending-tasks",
        "error",
        "The event loop was closed while {tasks} had not finished",
        "Cancel and gather the tasks before loop.close(), or let asyncio.run() own the loop.",
        "A task pending at close never runs again: its finally blocks and results are lost.",
    ),
    Code(
        "task-destroyed-pending",
        "error",
        "{tasks} destroyed before {they} finished",
        "Keep a reference to the task and await it (or cancel and gather it) before the loop ends.",
        "The garbage collector removed a task that had not ended; the rest of its code never runs.",
    ),
    Code(
        "loop-stopped-with-pending-tasks",
        "error",
        "loop.stop() ended the loop while {tasks} had not finished",
        "Cancel and gather the tasks first, and stop the loop when they have ended.",
        "loop.stop() leaves run_forever() after this turn; a task that still awaits something never continues.",
    ),
    Code(
        "shielded-work-cut",
        "error",
        "{task} was shielded, but was cancelled at the end all the same",
        "Keep the inner task and await it again when the outer one was cancelled: shield() only guards once.",
        "asyncio.shield() protects from the cancel of the waiting task, not from the runner's cancel of all tasks.",
    ),
    Code(
        "slow-asyncgen",
        "note",
        "Closing the async generator {generator} took {seconds}",
        "Close it where it is used: async with contextlib.aclosing(...).",
        "A generator left open is closed by the loop at the very end, in an arbitrary order.",
    ),
    Code(
        "waits-for-nobody",
        "warning",
        "{task} waited {seconds} for something that nobody was left to end",
        {
            "wait-first": "Await this before you cancel the tasks that would end it, or put a timeout around it.",
            "event": "Set the event on every way out (in a finally block), or put a timeout around the wait.",
            "condition": "Notify the condition when the state it stands for changes at the stop, or put a timeout "
            "around it.",
            "lock": "Release the lock in a finally block, or use `async with`.",
            "semaphore": "Release the semaphore in a finally block, or use `async with`.",
            "barrier": "Abort the barrier when one of its parties ends, or put a timeout around the wait.",
            "queue-get": "Put an item that means the end, or cancel the task that waits for one.",
            "queue-put": "Keep a consumer that takes items, raise maxsize, or put a timeout around the wait.",
            "queue-join": "Call task_done() for every item, in a finally block, or put a timeout around join().",
            "bound": "Put a timeout around the wait.",
            "shorter": "Only its timeout ends it: make that shorter than what a stop may take, or end the wait when "
            "the stop is requested.",
            "cancelled": "It was cancelled already: put an item that means the end before that, or put a timeout "
            "around the wait.",
        },
        "Cleanup in the wrong order: what would have ended this wait had already been stopped.",
    ),
    Code(
        "work-cut-short",
        "error",
        "{work} {were} under way{threads}, and {how}",
        {
            "jobs": "Give the work the time it needs (the server's graceful timeout), or await it in the shutdown "
            "hook; work that must not be lost belongs into a queue that survives the process.",
            "tasks": "If that work must not be lost, await it (with a timeout) before main returns, or catch the "
            "cancel and finish it.",
        },
        "Work that nobody waits for is lost in the middle, though the exit looks clean.",
    ),
    # ---- loop, threads
    Code(
        "loop-blocked",
        "warning",
        "The event loop was blocked for {seconds} by {function}",
        {
            "thread": "Run the call in a thread (await asyncio.to_thread(...)) or use its async counterpart.",
            "pool": "Await the pool's jobs before this line, or shut it down elsewhere "
            "(await asyncio.to_thread(pool.shutdown)).",
            "handler": "A handler runs on top of the loop, which goes on only when it returns: let it set an event "
            "and return (loop.add_signal_handler).",
            "join": "Await the thread's work before this line, or join it elsewhere (await asyncio.to_thread(...)).",
        },
        "While a callback runs, no other task, timer or signal callback of the loop can.",
    ),
    Code(
        "executor-outlives-loop",
        "warning",
        "A job in {thread} ran on for {seconds} after its event loop was closed",
        "Await the job, or let it check a threading.Event that the shutdown sets.",
        "Nothing can receive the job's result any more, and the exit still waits for its thread.",
    ),
    Code(
        "executor-busy",
        "note",
        "The exit waited {seconds} for {job} in {thread}",
        {
            "event": "Let the job check a threading.Event that the shutdown sets, or limit its time.",
            "sentinel": "It waits for an item that never comes: put a sentinel (None) into the queue when the stop "
            "is requested, or call get(timeout=...) in a loop that checks a threading.Event.",
            "timeout": "Give the call a timeout (requests: timeout=(3, 10)), so that its thread comes back by "
            "itself.",
            "shorter": "The call has a timeout: make that shorter than what a stop may take, and let the job look at "
            "the stop request when it returns.",
        },
        "A thread cannot be cancelled: leaving the loop or the process waits for the job to return.",
    ),
    Code(
        "non-daemon-thread",
        "note",
        "The exit waited {seconds} for the thread {thread}",
        {
            "": "Tell the thread to stop (a threading.Event) and join it, or make it a daemon if it may be cut off.",
            "daemon": "It is a daemon thread, which the interpreter does not wait for; it was joined all the same. "
            "Tell it to stop (a threading.Event) before the join, or bound that: join(timeout=...).",
            "library": "The thread is the library's: close what you opened there (close(), stop(), a context "
            "manager) before main() returns.",
        },
        "The interpreter joins every non-daemon thread, without a limit, before atexit handlers run.",
    ),
    Code(
        "main-thread-busy",
        "note",
        "The main thread was {how} for {seconds} in {function}",
        {
            "": "Check for the stop request inside the loop or the call, and bound it with a timeout.",
            "shorter": "The call has a timeout: make that shorter than what a stop may take, and look at the stop "
            "request when it returns.",
        },
        "The handler only noted the request; the program sees it when this call returns.",
    ),
    Code(
        "slow-atexit",
        "note",
        "The atexit handler {function} took {seconds}{joins}",
        {
            "bound": "Bound it with a timeout, or do the work before main() returns, where it can be cancelled.",
            "daemon-joined": "The handler joins the thread itself, a daemon or not: call it before main() returns, "
            "with a timeout, or give what the thread does (a request, a back-off) a limit of its own.",
        },
        "atexit handlers run one after the other, after the loop is gone, without any time limit.",
    ),
    Code(
        "slow-finalize",
        "warning",
        "The interpreter's own end took {seconds}{doing}",
        {
            "destructor": "Close the object before main() returns (a context manager, a finally block); what __del__ "
            "does at the interpreter's end nobody can bound or cancel.",
            "native": "Close the library's server or client before main() returns (await server.stop(grace), "
            "client.close()): its native teardown runs when all Python code is over.",
        },
        "Destructors and native teardown run last, one after the other, after atexit, without any time limit.",
    ),
    # ---- transports, children, outside
    Code(
        "server-wait-closed",
        "warning",
        "Server.wait_closed() waited {seconds} for {clients}",
        {
            "": "Close the clients' writers (3.13: server.close_clients()) before wait_closed(), or bound it with a "
            "timeout.",
            "shorter": "Close the clients' writers (3.13: server.close_clients()) before wait_closed(); its timeout "
            "alone is longer than what a stop may take.",
        },
        "Since Python 3.12 wait_closed() waits until every client has gone, and an idle client never goes.",
    ),
    Code(
        "unclosed-transport",
        "note",
        "{transports}",
        {
            "close": "Close the writer and await writer.wait_closed() in a finally block.",
            "flush": "Await writer.wait_closed() before the loop ends, with a timeout for a peer that does not read.",
            "abort": "Give the peer more time (await writer.wait_closed()), or call writer.transport.abort() if the "
            "bytes may be lost.",
        },
        "What was still buffered is lost, and the peer sees the connection break instead of end.",
    ),
    Code(
        "waits-for-child",
        "note",
        "The exit waited {seconds} for {child}",
        {
            "bound": "Bound the wait with a timeout, then terminate() and kill() the child.",
            "ignored": "The child ignores {signal}: handle it there, or bound the wait with a timeout and kill() "
            "the child.",
            "had-it": "The child received {signal} too: let it end sooner at that line, or bound the wait with a "
            "timeout, then kill() it.",
            "group": "A child in its process group received {signal} too: bound the wait with a timeout, then "
            "kill() the child.",
            "pass-on": "Pass the stop on to the child (terminate()) before waiting, and bound the wait with a "
            "timeout.",
            "shorter": "The wait has a timeout: make that shorter than what a stop may take, then kill() the child.",
        },
        "A parent that joins its children ends no sooner than the slowest of them.",
    ),
    Code(
        "leaked-children",
        "warning",
        "{children} outlived the main process",
        {
            "wait": "Terminate and wait for child processes in the worker's own cleanup.",
            "inherited": "Reset the handler at the begin of the child's function (signal.signal(signal.{signal}, "
            "signal.SIG_DFL)) or start it with the spawn method, and terminate() and join() it in the server's "
            "shutdown hook (lifespan): atexit does not run when a server raises the signal again.",
        },
        "A process that is left behind keeps ports, files and memory, and no supervisor stops it.",
    ),
    Code(
        "output-blocked",
        "warning",
        "A write{fd} was stuck for {seconds}: no process read the other end",
        {
            "read": "Read or close the other end of the pipe; log through a queue if readers may stall.",
            "feeder": "The thread feeds a multiprocessing.Queue that no process reads any more: keep its reader "
            "until the end, or call queue.cancel_join_thread() before the exit (what was not read is lost then).",
        },
        "A full pipe or terminal blocks the writer in the middle of its work.",
    ),
    Code(
        "not-permitted",
        "error",
        "Not permitted to signal {who}: it runs as {user}{lives}",
        {
            "left": "End it as {user} (sudo kill -TERM {pid}); from then on let the supervisor run as root too, or "
            "start the command without sudo or a set-user-ID program.",
            "ended": "Let the supervisor run as root too, or start the command without sudo or a set-user-ID "
            "program.",
        },
        "A process that has become another user gets no signal of the supervisor's, not even SIGKILL (EPERM).",
    ),
    Code(
        "killed",
        "error",
        "{how} {who} after {seconds}{still}",
        {
            "end": "Make the stop signal end the program within its grace period, or make that period longer.",
            "ask-once": "Request the stop once and wait: a further request escalates at once.",
            "child": "Give the child more time before it is killed, or let it end at that line when it is asked to "
            "stop.",
            "end-wait": "Let the signal handler end this wait: set the event, or cancel the main task.",
        },
        "Whatever was under way was lost: no finally, no flush, no answer.",
    ),
    Code(
        "stop-setup",
        "note",
        "{what}",
        {
            "limit": "The inner limit must be the shorter one, or SIGKILL comes first and the work is lost.",
            "main-only": "Send the signal to the main process only: run --child-only, or stop.target in a config.",
        },
        "Two limits, or two senders of one signal, that do not know of one another lose work on a busy day.",
    ),
    Code(
        "no-agent",
        "note",
        "Seen from outside only: {reason}",
        {
            "option": "Start it without that option to see tasks and lines.",
            "other": "Nothing to do unless it is a Python program; then see docs/findings.md, no-agent.",
        },
        "Without the agent no task, line or thread can be named; only what the kernel shows is known.",
    ),
)

CODES: dict[str, Code] = {row.code: row for row in _ROWS}
