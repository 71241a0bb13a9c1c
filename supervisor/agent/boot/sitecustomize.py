# Starts the shutdown agent, then lets the `sitecustomize` that this process would have had without us run.
# It must parse and return quietly on any Python, 2.7 included: that is why it has no annotation and no f-string.
import os as _os
import sys as _sys

# Only sys.path is cleaned: PYTHONPATH in the environment stays, so that grandchildren get the agent too.
_here = _os.path.dirname(_os.path.abspath(__file__))
_sys.path[:] = [_entry for _entry in _sys.path if _entry != _here]


def _code(name, path):
    # Code that a coverage measurement or a debugger takes for nobody's file.
    code = _compiled(name, path)
    _imp._fix_co_filename(code, "<sigdrain-agent>/" + name)
    return code


def _settle():
    if _interrupts:
        _interrupts.pop()
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def _compiled(name, path):
    # From __pycache__; where that can neither be found nor written, from the folder of the channel, which is this
    # user's alone and in which the first process leaves what it had to compile. The source's hash names it: two
    # installations may have files of one age and size.
    loader = _Loader(name, path)
    cached = _cache_from_source(path)
    if _os.path.exists(cached) or not _sys.dont_write_bytecode and _os.access(_os.path.dirname(cached), _os.W_OK):
        return loader.get_code(name)
    import marshal  # built in

    folder = _os.path.dirname(_os.environ["SIGDRAIN_AGENT_SOCKET"])
    kept = "%s/%s-%s-%s" % (folder, name, _MAGIC[:2].hex(), _imp.source_hash(0, loader.get_data(path)).hex())
    try:
        with open(kept, "rb", 0) as file:
            return marshal.loads(file.read())
    except (OSError, EOFError, ValueError, TypeError):
        code = loader.get_code(name)
    try:
        temporary = "%s.%d" % (kept, _os.getpid())
        with open(temporary, "xb", 0) as file:
            file.write(marshal.dumps(code))
        _os.rename(temporary, kept)
    except OSError:
        pass
    return code


if (
    _os.environ.get("SIGDRAIN_AGENT_SOCKET")
    and _sys.version_info >= (3, 8)
    and _sys.implementation.name == "cpython"
    and "_sigdrain_agent" not in _sys.modules
):
    try:
        # Raises ValueError but in the main thread of the main interpreter: a subinterpreter shares our process, but
        # not its signals, and one with a lock of its own (3.12+) must not even load what we import.
        import _signal

        _signal.set_wakeup_fd(_signal.set_wakeup_fd(-1))

        # A Ctrl-C that comes while we start would be told with our frames in the program's own traceback. It ends the
        # process without one, as it ends a program that has no handler.
        _interrupts = [1] if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler else []
        if _interrupts:
            _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

        import _imp

        # importlib.machinery would load importlib and warnings; this module is always there.
        from _frozen_importlib_external import MAGIC_NUMBER as _MAGIC
        from _frozen_importlib_external import SourceFileLoader as _Loader
        from _frozen_importlib_external import cache_from_source as _cache_from_source

        for _function in (_code, _compiled):
            _imp._fix_co_filename(_function.__code__, "<sigdrain-agent>/sitecustomize")
        _agent = type(_sys)("_sigdrain_agent")
        _agent.code, _agent.home = _code, _os.path.dirname(_here)
        _sys.modules["_sigdrain_agent"] = _agent
        try:
            exec(_code("_sigdrain_agent", _os.path.join(_here, "_sigdrain_agent.py")), _agent.__dict__)
            _agent.start(_settle)
        finally:
            _settle()
    except ValueError:
        pass
    except Exception:
        if _os.environ.get("SIGDRAIN_AGENT_DEBUG"):
            raise

# A second, ordinary import finds the next `sitecustomize` on the path, or none. Its errors, and "there is none",
# reach site.execsitecustomize() as they would have; the import system takes the result from sys.modules.
_sys.modules.pop("sitecustomize", None)
import sitecustomize  # noqa: E402,F401
