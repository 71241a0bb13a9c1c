# Starts the shutdown agent, then lets the `sitecustomize` that this process would have had without us run.
# It must parse and return quietly on any Python, 2.7 included: that is why it has no annotation and no f-string.
import os as _os
import sys as _sys

# Only sys.path is cleaned: PYTHONPATH in the environment stays, so that grandchildren get the agent too.
_here = _os.path.dirname(_os.path.abspath(__file__))
_sys.path[:] = [_entry for _entry in _sys.path if _entry != _here]

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

        # importlib.machinery would load importlib and warnings; this module is always there.
        from _frozen_importlib_external import SourceFileLoader as _Loader

        _loader = _Loader("_sigdrain_agent", _os.path.join(_here, "_sigdrain_agent.py"))
        _agent = type(_sys)("_sigdrain_agent")
        _agent.__file__ = _loader.path
        _sys.modules["_sigdrain_agent"] = _agent
        exec(_loader.get_code("_sigdrain_agent"), _agent.__dict__)
        _agent.start()
    except ValueError:
        pass
    except Exception:
        if _os.environ.get("SIGDRAIN_AGENT_DEBUG"):
            raise

# A second, ordinary import finds the next `sitecustomize` on the path, or none. Its errors, and "there is none",
# reach site.execsitecustomize() as they would have; the import system takes the result from sys.modules.
_sys.modules.pop("sitecustomize", None)
import sitecustomize  # noqa: E402,F401
