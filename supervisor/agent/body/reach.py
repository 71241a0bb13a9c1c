"""What an object leads to: a bounded walk over what it holds, and numbers for objects that outlive a look.

Nothing of the program's runs. Containers are read only where their type is a built-in one, everything else through
the collector; types are asked through `type` itself, so that no metaclass, property or __getattr__ has a word.
"""

from __future__ import annotations

import gc
import sys
from _weakref import ref
from itertools import count

import _sigdrain_agent_frames as frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple

LEVELS = 4  # steps from a task's variables to what it may end: deeper ones named the wrong tasks
BUDGET = 1_000  # objects that one walk looks at: 1 to 2 ms
ITEMS = 200  # of one container
NUMBERED = 5_000  # objects that have a number at once
GENERATORS = frozenset(("coroutine", "generator", "async_generator"))
# What somebody waits for, by the name of its type: asyncio's, threading's, anyio's and those of other libraries.
PRIMITIVES = frozenset((
    "Event", "Lock", "RLock", "Queue", "PriorityQueue", "LifoQueue", "SimpleQueue", "Condition", "Semaphore",
    "BoundedSemaphore", "Barrier", "Future", "CapacityLimiter",
))  # fmt: skip
# Types that lead everywhere, or nowhere.
LEAVES = frozenset((
    "module", "code", "frame", "Task", "builtin_function_or_method", "str", "int", "float", "bytes", "bool",
    "NoneType", "wrapper_descriptor", "method_descriptor", "Logger", "mappingproxy", "Context", "ContextVar",
    "weakref", "ReferenceType", "Thread", "_MainThread",
))  # fmt: skip

_name_of_type = type.__dict__["__name__"].__get__
_qualname_of_type = type.__dict__["__qualname__"].__get__
_module_of_type = type.__dict__["__module__"].__get__
_dict_of_type = type.__dict__["__dict__"].__get__
_mro_of_type = type.__dict__["__mro__"].__get__
_numbers = count(1)
_numbered: Dict[int, Tuple[Any, int]] = {}  # id(object) -> (weak reference, number)
_things: Dict[int, Any] = {}  # number -> weak reference


def kind(thing: Any) -> str:
    """Return the name of the thing's type."""
    return _name_of_type(type(thing))  # type: ignore[no-any-return]  # a descriptor of `type`


def type_name(thing: Any) -> str:
    """Return the module and the qualified name of the thing's type, as "asyncio.locks.Event"."""
    cls = type(thing)
    module = _module_of_type(cls)
    return "%s.%s" % (module if type(module) is str else "?", _qualname_of_type(cls))


def bases(cls: type) -> Tuple[type, ...]:
    """Return the class and what it is derived from, most derived first."""
    return _mro_of_type(cls)  # type: ignore[no-any-return]  # a descriptor of `type`


def defines(cls: type, name: str) -> bool:
    """Return whether the class, or a base of it, has an attribute of this name (a method, a property, a slot)."""
    return any(name in _dict_of_type(one) for one in bases(cls))


def attribute(thing: Any, name: str) -> Any:
    """Return what the instance itself has under this name; None where its class has a say in it."""
    if defines(type(thing), name):
        return None
    try:
        return object.__getattribute__(thing, name)
    except (AttributeError, TypeError):
        return None


def number(thing: Any) -> Optional[int]:
    """Return a number for this very object, which is never another's; None where it cannot be referred to weakly."""
    known = _numbered.get(id(thing))
    if known is not None and known[0]() is thing:
        return known[1]
    try:
        reference = ref(thing)
    except TypeError:
        return None
    if len(_numbered) >= NUMBERED:
        for key in [key for key, (one, _) in list(_numbered.items()) if one() is None] or list(_numbered)[:100]:
            _things.pop(_numbered.pop(key)[1], None)
    found = next(_numbers)
    _numbered[id(thing)] = (reference, found)
    _things[found] = reference
    return found


def thing(number: Optional[int]) -> Any:
    """Return the object with this number; None when it is gone."""
    reference = _things.get(number or 0)
    return reference() if reference is not None else None


def forget() -> None:
    """Forget the numbers in a forked child: what the parent numbered is not the child's."""
    _numbered.clear()
    _things.clear()


# -- what a thing holds ------------------------------------------------------------------------------------------


def held(thing: Any) -> List[Tuple[Any, int]]:
    """Return [(what the thing holds, 1 or 0)]; 0 is only another name for the same thing (a cell, a bound method)."""
    cls = type(thing)
    if cls is dict:
        return [(item, 1) for item in list(thing.values())[:ITEMS]]
    if cls is list or cls is tuple or cls is set or cls is frozenset:
        return [(item, 1) for item in list(thing)[:ITEMS]]
    name = _name_of_type(cls)
    if cls is frames.FUNCTION:
        return [(item, 1) for item in thing.__closure__ or ()]
    if name in GENERATORS:
        return [(item, 1) for item in variables(thing)]
    found = gc.get_referents(thing)
    if name == "deque":
        return [(item, 1) for item in found[:ITEMS]]
    if name in ("cell", "method", "partial"):
        return [(item, 0) for item in found]
    out: List[Tuple[Any, int]] = []
    for item in found:  # of an instance: its slots and inline values come one by one, a __dict__ as a dictionary
        if type(item) is dict:
            out += [(inner, 1) for inner in list(item.values())[:ITEMS]]
        else:
            out.append((item, 1))
    return out


def variables(coroutine: Any) -> List[Any]:
    """Return the local variables of a suspended coroutine or generator, and what lies on its stack; unnamed."""
    found = gc.get_referents(coroutine)
    if sys.version_info < (3, 11):  # its frame has them; the globals are nobody's in particular
        frame = next((item for item in found if kind(item) == "frame"), None)
        if frame is None:
            return []
        besides = (id(frame.f_globals), id(frame.f_builtins))
        found = [item for item in gc.get_referents(frame) if id(item) not in besides]
    return [item for item in found if kind(item) not in ("frame", "code")]


def roots(pairs: Iterable[Tuple[Any, Optional[FrameType]]]) -> Iterator[Any]:
    """Yield what the coroutines of a task reach at once: their variables, and the globals that the user's code
    names.
    """
    for coroutine, frame in pairs:
        yield coroutine
        if frame is not None and frames.rank(frame.f_code.co_filename) == frames.USER:
            names: Dict[str, Any] = frame.f_globals
            for name in frame.f_code.co_names:
                value = names.get(name)
                if value is not None and type(value) is not frames.FUNCTION:
                    yield value


def walk(start: Iterable[Any], levels: int = LEVELS, budget: int = BUDGET) -> Iterator[Tuple[Any, int, Any]]:
    """Yield (thing, level, what holds it), the nearest first."""
    seen: Set[int] = set()
    leaves: Dict[int, bool] = {}  # id(type): it lives as long as the things in `todo`
    todo: List[Tuple[Any, int, Any]] = [(thing, 0, None) for thing in start]
    at = 0
    while at < len(todo) and len(seen) < budget:
        thing, level, holder = todo[at]
        at += 1
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        yield thing, level, holder
        cls = type(thing)
        leaf = leaves.get(id(cls))
        if leaf is None:
            leaf = leaves[id(cls)] = _is_leaf(cls)
        if level < levels and not leaf and (not level or _name_of_type(cls) not in PRIMITIVES):
            todo += [(item, level + cost, thing) for item, cost in held(thing)]


def _is_leaf(cls: type) -> bool:
    return _name_of_type(cls) in LEAVES or issubclass(cls, type) or defines(cls, "call_soon_threadsafe")


def reaches(
    start: Iterable[Any], targets: Dict[int, int], levels: int = LEVELS, budget: int = BUDGET
) -> Dict[int, Any]:
    """Return {index of a target: (level, what holds it)}. ``targets``: id(target) -> its index."""
    found: Dict[int, Tuple[int, Any]] = {}
    for thing, level, holder in walk(start, levels, budget):
        index = targets.get(id(thing))
        if index is not None and index not in found:
            found[index] = (level, holder)
            if len(found) == len(targets):
                break
    return found


def exits(pairs: Iterable[Tuple[Any, Optional[FrameType]]]) -> List[Any]:
    """Return what is inside of `with` and `async with`.

    The interpreter keeps the bound __exit__ on the suspended stack, and since 3.14 the function with its `self`
    behind it.
    """
    found = []
    for coroutine, _ in pairs:
        if kind(coroutine) not in GENERATORS:
            continue
        values = variables(coroutine)
        for index, value in enumerate(values):
            if type(value) not in (frames.METHOD, frames.FUNCTION) or value.__name__ not in ("__aexit__", "__exit__"):
                continue
            found += [value] if type(value) is frames.METHOD else values[index + 1 : index + 2]
    return found
