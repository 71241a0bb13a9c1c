"""The agent's first tier: says hello, answers SIGURG, and notices where a shutdown can begin.

It is compiled at each start where no .pyc can be written, so it stays small; everything that explains anything is
in ../body, loaded when a shutdown begins. It imports only what is built in (and _socket), never raises, never
prints, starts no thread and adds nothing to the life of a task.
"""

import _signal
import _socket
import atexit
import gc  # noqa: F401 - for ../body, which may import nothing that is not there
import os
import sys

# The originals: gevent replaces those of `_thread` and `time`, a program's tests those of `os`.
from _thread import allocate_lock, get_ident, get_native_id, start_new_thread  # noqa: F401 - for ../body
from itertools import count
from os import fstat, getpid
from time import monotonic_ns, sleep

WATCHED = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT)
PROBE = _signal.SIGURG  # ignored by default (signal(7)): harmless to a process without an agent
DUMP = _signal.SIGRTMAX - 3  # faulthandler's, at C level; the parent sends it only when SIGKILL is next
MAX_MESSAGE = 32768  # bytes; the receiving end (wire.py) refuses longer ones
BODY = (
    "hooks", "handlers", "loops", "forking", "grain", "servers", "own", "frames", "reach", "threads", "tasks", "jobs",
    "waits", "joins", "holders", "monitoring", "late", "edges", "looks", "sampler", "snapshot", "arming", "teardown",
)  # fmt: skip
# Held back while we work, so that no handler of the program runs inside of us; faults and the dump are not.
DEFERRED = frozenset(range(1, 32)) - {4, 5, 6, 7, 8, 9, 11, 19, 31} | frozenset(range(34, 65)) - {int(DUMP)}
FEW = 32  # RLIMIT_NOFILE below which our two descriptors could be the ones that the program lacks
MEETING = os.environ.get("SIGDRAIN_AGENT_SOCKET", "")

visiting = False  # set by ../visit: for one look, at a program that was started without us
pid = main_thread = 0
history = {}  # signal -> what was installed for it, oldest first: [kind, handler, who installed it]
inherited = {}  # signal -> how many of those were installed in the process that this one was forked from
body = None  # the module `teardown` of ../body, once loaded
_executed = set()  # names in BODY
_line = -1  # descriptor of the connection; a bare number, since nobody is to complain of a socket that was not closed
_identity = None  # device and inode of the socket: programs that close every descriptor may reuse its number
_dump = None  # the same for the dump file: (descriptor, device, inode)
_numbers = count(1)
_dropped = 0
_backlog = []  # messages for which the socket had no room; few, and only until the next chance


# -- saying ----------------------------------------------------------------------------------------------------


class Raw(str):
    """Text that is JSON already."""

    __slots__ = ()


def text(value):
    if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return '"' + value + '"'
    out = []
    for char in value[:2000]:
        code = ord(char)
        if 32 <= code < 127 and char not in '"\\':
            out.append(char)
        elif code < 0x10000:
            out.append("\\u%04x" % code)
        else:
            out.append("\\u%04x\\u%04x" % (0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF)))
    return '"' + "".join(out) + '"'


def encode(value):
    """Encode as JSON without the `json` package. Subclasses of str and int (as a task's name) lose their class."""
    kind = type(value)
    if kind is str:
        return text(value)
    if kind is int:
        return int.__repr__(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return "%.6f" % value if abs(value) < 1e12 else "null"
    if kind is dict:
        return "{" + ",".join(['"' + key + '":' + encode(item) for key, item in value.items()]) + "}"
    if kind is list or kind is tuple:
        return "[" + ",".join([encode(item) for item in value]) + "]"
    if kind is Raw:
        return str(value)
    if isinstance(value, int):
        return int.__repr__(value)
    return text(str.__str__(value) if isinstance(value, str) else kind.__name__)


def say(event, **fields):
    """Send one message, at once or not at all."""
    try:
        post(event, **fields)
        flush()
    except Exception:  # nobody listens, or the interpreter is half gone
        pass


def post(event, **fields):
    """Leave one message to flush(). To send lets other threads run, and a busy one goes on for 5 ms each time."""
    global _dropped
    if _line < 0 or getpid() != pid:
        if _line >= 0:  # a fork that Python did not make
            after_fork()
        return
    head = {"v": 1, "ev": event, "t": monotonic_ns(), "pid": pid, "seq": next(_numbers)}
    if _dropped:
        head["dropped"] = _dropped
    head.update(fields)
    data = encode(head).encode("ascii")
    if len(data) <= MAX_MESSAGE and len(_backlog) < 256:
        _backlog.append(data)
    else:
        _dropped += 1


def flush():
    """Send what waits, as far as there is room. A thread takes what it sends: others may run, and send, meanwhile."""
    line = connection() if _backlog else None
    try:
        while _backlog and line is not None:
            data = _backlog.pop(0)
            while _backlog and len(data) + len(_backlog[0]) < MAX_MESSAGE:
                data += b"\n" + _backlog.pop(0)
            line.send(data, _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL)
    except BlockingIOError:
        _backlog.insert(0, data)
    except IndexError:  # the other thread took the last
        pass
    except OSError:  # nobody listens any more
        del _backlog[:]
    finally:
        line is None or line.detach()


def connection():
    """Return a socket for our descriptor, to be detached after use; None where the number is another file's."""
    global _line
    if _line >= 0 and fstat(_line)[1:3] != _identity:
        _line = -1
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, _line) if _line >= 0 else None


def innermost(error):
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def failed(where, error):
    """Tell our own failure and swallow it; what a user's signal handler raised inside of us goes on its way."""
    trace = innermost(error)
    name = trace.tb_frame.f_code.co_filename
    if not isinstance(error, Exception) or not name.startswith((OURS, STDLIB, "<frozen")):
        try:
            raise error
        finally:
            del error, trace  # or this frame and the error would hold each other
    say("agent-error", where=where, error="%s at %s:%d" % (repr(error)[:300], name, trace.tb_lineno))


class Question:
    """The handler of PROBE: it answers when its ``__call__`` is looked up. What is then called is a function of C, so
    that a Ctrl-C that came meanwhile is raised as if we had not been there, without a frame of ours."""

    @property
    def __call__(self):
        try:
            answer(sys._getframe().f_back)
        except KeyboardInterrupt as error:
            if not innermost(error).tb_frame.f_code.co_filename.startswith(OURS):  # a handler of the program's raised
                raise
            return _signal.default_int_handler
        return history.get  # takes the two arguments, and does nothing


on_probe = Question()
OURS = "<sigdrain-agent>/"  # how the names of our "files" begin: sitecustomize gives them
STDLIB = os.path.dirname(os.__file__) + os.sep
IMPORTLIB = "<frozen importlib._bootstrap>"
_probes = 0  # under way: one, and those that came on top of it
_put_off = 0  # how often the one that waits met the import system
MOST_PUT_OFF = 100  # an import may wait for ever for another thread's: then there is no answer


# -- the second tier -------------------------------------------------------------------------------------------


def module_of(name):
    """Load a module of ../body by hand: an import here would run other people's import hooks."""
    full = "_sigdrain_agent_" + name
    module = sys.modules.get(full) or sys.modules.setdefault(full, type(sys)(full))
    if name not in _executed:
        mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, DEFERRED)
        try:
            # `code` and `home` were put here by sitecustomize
            exec(code(full, home + "/body/" + name + ".py"), module.__dict__)  # noqa: F821
            _executed.add(name)
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
    return module


def load():
    """Load the module `teardown` of ../body, and before it what it needs."""
    global body
    if body is None:
        for name in BODY:
            module = module_of(name)
        body = module
    return body


def note(what, *about):
    """Tell that something of a shutdown is about to happen in this thread. Never raises."""
    try:
        load().note(what, *about)
    except BaseException as error:
        failed(what, error)


def answer(frame):
    """Answer the parent's question. Further probes may interrupt the answer: then one more follows it, not a stack
    of answers, or a flood of signals would end with the stack."""
    global _probes, _put_off
    _probes += 1
    if _probes > 1:
        return None
    try:
        if frame is not None and frame.f_code.co_filename == IMPORTLIB:
            _put_off += 1
            return ask_again() if _put_off % MOST_PUT_OFF else None
        _put_off = 0
        note("probe", None, frame)
        if _probes > 1:
            note("probe", None, frame)
    except BaseException:  # a signal came before they were held back, and its handler raised on top of us (Ctrl-C)
        if body is None or not body.arming.armed:
            note("probe", None, frame)
        raise
    finally:
        _probes = 0


def ask_again():
    """Ask again in a moment: nothing of ours may run on top of the import system, which keeps locks by thread."""

    def later():
        sleep(0.001)
        try:
            _signal.pthread_kill(main_thread, PROBE)
        except OSError:  # it has ended
            pass

    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, DEFERRED)
    try:
        start_new_thread(later, ())
    except RuntimeError:  # no thread is left to be had: no answer, then
        pass
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)


# -- where a shutdown can begin --------------------------------------------------------------------------------

WATCH = {  # module of the program -> the one of ours that knows what to watch in it
    "signal": "handlers", "threading": "hooks", "asyncio.base_events": "loops", "asyncio.runners": "loops",
    "asyncio.unix_events": "loops", "uvloop": "loops",
}  # fmt: skip


class Finder:
    """Runs a watcher right after the module it is for was executed."""

    def find_spec(self, name, path=None, target=None):
        if name not in WATCH:
            return None
        try:
            hooks = module_of("hooks")
        except Exception as error:
            return failed("hooks", error)
        return hooks.find_watched(self, name, path, target)


def watch(name, module):
    ours = WATCH.pop(name, None)
    if ours:
        try:
            module_of("hooks")  # what the others stand on
            module_of(ours).WATCH[name](module)
        except Exception as error:
            failed("watch " + name, error)


# -- a process's life ------------------------------------------------------------------------------------------


def at_last_exit():
    if body is not None:
        note("finalize")
    say("phase", name="finalize")


def out_of_the_way(fd):
    """Return the descriptor under a high number: programs and their tests know which one comes next.

    It does not make the kernel's table larger than 256, which each fork copies, nor lies beyond what the program may
    have.
    """
    limit = os.sysconf("SC_OPEN_MAX")
    for high in range((min(256, limit) if limit > 0 else 256) - 1, fd, -1):
        try:
            fstat(high)
        except OSError:  # free
            os.dup2(fd, high, False)
            os.close(fd)
            return high
    return fd


def connect(forked, by=None):
    global _line, _identity, _numbers, _dropped, _dump, pid, main_thread
    pid, main_thread, _numbers, _dropped = getpid(), get_ident(), count(1), 0
    del _backlog[:]
    if 0 <= os.sysconf("SC_OPEN_MAX") < FEW:
        return
    ours = None
    try:
        ours = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
        ours.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, 1 << 20)  # the kernel grants twice net.core.wmem_max
        ours.connect(MEETING)
        _line = out_of_the_way(ours.detach())
    except OSError:  # the parent is gone, or its backlog is full: work goes on without us
        if ours is not None:
            ours.close()
        return
    _identity = fstat(_line)[1:3]
    _dump = None if visiting else open_dump()
    try:
        cwd = os.getcwd()
    except OSError:  # deleted
        cwd = None
    say(
        "hello",
        python=sys.version.split()[0],
        ppid=os.getppid(),
        forked=forked,
        by=by,
        executable=sys.executable or "",
        cwd=cwd,
        probe=_signal.getsignal(PROBE) is on_probe,
        dump="dump-%d" % pid if _dump else None,
        dump_fd=_dump[0] if _dump else None,
        dump_signal=DUMP if _dump else None,
        monitoring=hasattr(sys, "monitoring"),
        cancelling=sys.version_info >= (3, 11),
        stdlib=STDLIB,
    )


def open_dump():
    if _signal.getsignal(DUMP) != _signal.SIG_DFL:
        return None
    try:
        import faulthandler  # built in

        how = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = out_of_the_way(os.open("%s.dump-%d" % (MEETING, pid), how, 0o600))
    except (OSError, ImportError):
        return None
    try:
        faulthandler.register(DUMP, file=fd, all_threads=True)
    except (OSError, RuntimeError):
        os.close(fd)
        return None
    return (fd, fstat(fd)[1:3])


def before_fork():
    try:
        module_of("forking").before()
    except Exception as error:
        failed("fork", error)


def after_fork():
    global _line
    try:
        module_of("forking").after_in_child(sys._getframe(1))
    except Exception:  # never by the parent's connection
        _line = -1


def start(settled=lambda: None):
    default = _signal.getsignal(PROBE) == _signal.SIG_DFL
    if default:
        _signal.signal(PROBE, on_probe)  # and no SA_RESTART, or a main thread in recv() would never answer
    connect(False)
    if _line < 0:  # nobody listens, or not to this user: be as if we were not here
        if default:
            _signal.signal(PROBE, _signal.SIG_DFL)
        return
    # Empty until they are needed: that may be in a signal handler, while the program iterates over sys.modules. Or
    # there already: since we have said hello we may be asked.
    for name in BODY:
        sys.modules.setdefault("_sigdrain_agent_" + name, type(sys)("_sigdrain_agent_" + name))
    settled()  # before anybody looks at the handlers
    for name in list(WATCH):
        if name in sys.modules:
            watch(name, sys.modules[name])
    sys.meta_path.insert(0, Finder())
    atexit.register(at_last_exit)
    os.register_at_fork(before=before_fork, after_in_child=after_fork)
