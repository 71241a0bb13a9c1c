"""What is generated from the table of fields: current, valid, and of one mind with the loader."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from supervisor.config import checks, describe, fields, kinds
from supervisor.config.field import Field
from supervisor.config.load import check, load

ROOT = Path(__file__).parents[2]
ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/root"}
WORKER = '[worker.app]\ncommand = ["sh"]\n'


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda path: path.name)
def test_configs_are_without_complaint(path: Path) -> None:
    found = [
        complaint
        for complaint in check(str(path), "/", ENVIRON)[1]
        if "not a program in PATH" not in complaint.message
    ]
    assert found == []
    assert matches(tomllib.loads(path.read_text()), describe.schema()) == []
    schema = re.match(r"#:schema (.+)\n", path.read_text())
    assert schema is None or (path.parent / schema[1]).is_file()


def test_the_starter_can_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "supervisor.toml").write_text(describe.starter())
    (worker,) = load(None, str(tmp_path), ENVIRON).fleet.workers
    assert worker.exec.argv[0] == "python3"
    assert matches(tomllib.loads(describe.starter()), describe.schema()) == []


def commented(text: str) -> list[tuple[str, str]]:
    """(section, line) of each setting that is commented out."""
    found, section = [], ""
    for line in text.splitlines():
        header = re.fullmatch(r"\[(.+)\]", line)
        section = header[1] if header else section
        setting = re.fullmatch(r"# ([a-z_.]+ = .+)", line)
        if setting:
            found.append((section, setting[1]))
    return found


@pytest.mark.parametrize(("section", "line"), commented(describe.reference_toml()) + commented(describe.starter()))
def test_every_commented_setting_is_valid(section: str, line: str, tmp_path: Path) -> None:
    text = WORKER + (line if section.startswith("worker") else f"[{section}]\n{line}") + "\n"
    (tmp_path / "supervisor.toml").write_text(text)
    (tmp_path / ".env").write_text("A=1\n")
    # Whether there is a user www-data or a folder app is this machine's affair.
    found = [
        complaint
        for complaint in check(None, str(tmp_path), ENVIRON)[1]
        if "there is no such" not in complaint.message
    ]
    assert found == []


def test_the_reference_has_every_key() -> None:
    pages = describe.reference(), describe.reference_toml()
    for field in fields.FIELDS:
        assert f"\n### {field.key}\n" in pages[0]
        assert re.search(rf"^(# )?{re.escape(field.key)} = ", pages[1], re.MULTILINE)


def test_the_toml_in_the_reference_is_valid(tmp_path: Path) -> None:
    first = re.search(r"```toml\n(.*?)```", describe.reference(), re.DOTALL)
    assert first
    (tmp_path / "supervisor.toml").write_text(first[1])
    (tmp_path / ".env").write_text("A=1\n")
    assert [found for found in check(None, str(tmp_path), ENVIRON)[1] if "not a program" not in found.message] == []


def test_defaults_are_those_of_the_specs(tmp_path: Path) -> None:
    """Every default, written out, gives the same fleet as no key at all (but the signal was then chosen)."""
    lines: dict[str, list[str]] = {"fleet": [], "log": [], "worker": []}
    for field in fields.FIELDS:
        if field.default is not None:
            lines[field.section].append(f"{field.key} = {describe.toml(field.default)}")
    (tmp_path / "supervisor.toml").write_text(WORKER)
    plain = load(None, str(tmp_path), ENVIRON)
    (tmp_path / "supervisor.toml").write_text(
        "\n".join([WORKER, *lines["worker"], "[fleet]", *lines["fleet"], "[log]", *lines["log"]])
    )
    explicit = load(None, str(tmp_path), ENVIRON)
    assert explicit.log == plain.log
    (one,), (other,) = explicit.fleet.workers, plain.fleet.workers
    assert one.with_(stop=one.stop.with_(own_signal=False)) == other


# ------------------------------------------------------------------ the schema and the loader agree

GOOD: dict[str, list[Any]] = {
    "text": ["root", "0"],
    "name": ["shop", "A-1_b"],
    "path": ["/", "."],
    "flag": [True, False],
    "whole": [1, 5],
    "number": [0, 0.5, 1],
    "duration": [0, 1.5, "10", "1m30s", " 500 ms "],
    "ladder": ["TERM/1/KILL", "none", 5, 0.5],
    "signal": ["TERM", "SIGINT", "2"],
    "umask": ["0", "22", "027", "0777"],
    "command": ["sh -c x", ["sh"], ["sh", ""]],
    "paths": ["x.env", ["x.env", "x.env"], []],
    "packages": [[], ["shop", "shop_api"]],
    "env": [{}, {"A": "x", "B": 1, "C": ""}],
    "limits": [{}, {"nofile": 1, "core": "unlimited"}, {"core": [1, "unlimited"]}],
    "codes": [[0], [0, 255]],
    "ready": [
        "started",
        "notify",
        "after=2s",
        "fd",
        "fd=4",
        "log=up",
        "tcp=localhost:1",
        "command=true",
        {"started": True},
        {"notify": True, "timeout": 5},
        {"after": 2},
        {"fd": "READY_FD"},
        {"unix": "/run/x", "listener": "any"},
        {"http": "http://[::1]:80/", "status": "200-399", "headers": {"A": "b"}, "on_timeout": "continue"},
    ],
    "liveness": ["notify", "tcp=127.0.0.1:1", {"command": ["true"], "failures": 2}, {"watchdog": "30s"}],
    "dependencies": [["app"], [], {"app": {}}, {"app": "started"}, {"app": {"condition": "ended", "restart": True}}],
}
BAD: dict[str, list[Any]] = {
    "text": ["", 1, ["x"]],
    "name": ["", "a b", "-a", "a" * 64, 1],
    "path": ["", 1],
    "flag": [1, "true"],
    "whole": [-1, 1.5, "1", True, 10**9],
    "number": [-1, 2, "1", True],
    "duration": [-1, "ten", "", "1x", "-1", True, 10**9, []],
    "choice": ["", "x", 1, True],
    "ladder": ["", True, []],
    "signal": ["", 15, []],
    "umask": ["", "8", "07777", 22],
    "command": ["", [], 1, ["sh", 1]],
    "paths": ["", [""], 1, [1]],
    "packages": ["shop", [""], 1, [1]],
    "env": ["A=1", {"A": True}, {"A": 1.5}, []],
    "limits": [1, {"nofil": 1}, {"core": -1}, {"core": [1]}, {"core": [1, 2, 3]}, {"core": "many"}],
    "codes": [0, [], [256], [-1], ["0"], [True]],
    "ready": [
        "",
        "yes",
        "tcp",
        1,
        [],
        {},
        {"timeout": 5},
        {"notify": False},
        {"notify": True, "after": 1},
        {"fd": 2},
        {"notify": True, "listener": "any"},
        {"http": "http://[::1]/", "on_timeout": "stop"},
        {"log": ""},
        {"tcp": "localhost:1", "status": 200},
        {"notify": True, "interval": 1},
        {"http": "http://[::1]/", "status": 1},
    ],
    "liveness": ["started", "log=x", {"after": 1}, {"notify": True, "failures": 0}, {"watchdog": 1, "interval": 2}],
    "dependencies": ["app", 1, [1], {"app": 1}, {"app": {"condition": "healthy"}}, {"app": {"restart": 1}}],
}


def values(table: dict[str, list[Any]], field: Field) -> list[Any]:
    if table is GOOD:
        return list(field.choices) if field.kind == "choice" else table[field.kind]
    return [value for value in table[field.kind] if not _within_its_own_limits(value, field)]


def _within_its_own_limits(value: object, field: Field) -> bool:
    """A key whose `least` is below that of its kind takes a number that is bad for the others."""
    return type(value) in (int, float) and field.least is not None and value >= field.least  # type: ignore[operator]  # a number


CASES = [
    (field, value, good)
    for field in fields.FIELDS
    for table, good in ((GOOD, True), (BAD, False))
    for value in values(table, field)
]


@pytest.mark.parametrize(
    ("field", "value", "good"), CASES, ids=lambda case: case.key if isinstance(case, Field) else None
)
def test_the_schema_agrees_with_the_converters(field: Field, value: Any, good: bool) -> None:
    from supervisor.config.problems import Problems

    problems = Problems()
    (kinds.CONVERTERS | checks.CONVERTERS)[field.kind](value, field, kinds.Report(problems, (field.key,)))
    assert problems.failed is not good
    document: dict[str, Any] = {"worker": {"app": {"command": "sh"}}}
    table = document["worker"]["app"] if field.section == "worker" else document.setdefault(field.section, {})
    *groups, last = field.key.split(".")
    for group in groups:
        table = table.setdefault(group, {})
    table[last] = value
    assert (matches(document, describe.schema()) == []) is good


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"worker": {}},
        {"worker": {"app": {}}},
        {"worker": {"a b": {"command": "x"}}},
        {"worker": {"app": {"command": "x", "gracee": 1}}},
        {"worker": {"app": {"command": "x", "stop": {"gracee": 1}}}},
        {"worker": {"app": {"command": "x", "stop": {"escalation": "none", "grace": 1}}}},
        {"worker": {"app": {"command": "x"}}, "defaults": {"command": "x"}},
        {"worker": {"app": {"command": "x"}}, "workers": {}},
    ],
)
def test_the_schema_refuses(document: dict[str, Any]) -> None:
    assert matches(document, describe.schema())


def test_there_is_a_case_for_every_kind() -> None:
    used = {field.kind for field in fields.FIELDS}
    assert used == BAD.keys() and used == GOOD.keys() | {"choice"}


def matches(value: Any, schema: Any, path: str = "$") -> list[str]:
    """Where ``value`` breaks ``schema``: the part of JSON Schema that ours uses; any other keyword fails."""
    if schema is False:
        return [f"{path}: not allowed"]
    types: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "boolean": bool,
        "number": (int, float),
    }
    wrong: list[str] = []
    table, words, number = isinstance(value, dict), isinstance(value, str), type(value) in (int, float)
    for keyword, rule in schema.items():
        match keyword:
            case "$schema" | "title" | "description" | "default":
                good = True
            case "type":
                kinds_of = [types[name] for name in ([rule] if isinstance(rule, str) else rule)]
                good = any(
                    isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) for kind in kinds_of
                )
            case "enum":
                good = value in rule and type(value) in {type(choice) for choice in rule}
            case "const":
                good = value == rule
            case "anyOf":
                good = any(not matches(value, choice, path) for choice in rule)
            case "minimum":
                good = not number or value >= rule
            case "maximum":
                good = not number or value <= rule
            case "minLength":
                good = not words or len(value) >= rule
            case "pattern":
                good = not words or re.search(rule, value) is not None
            case "minItems":
                good = not isinstance(value, list) or len(value) >= rule
            case "maxItems":
                good = not isinstance(value, list) or len(value) <= rule
            case "items":
                good = True
                for index, item in enumerate(value if isinstance(value, list) else []):
                    wrong += matches(item, rule, f"{path}[{index}]")
            case "required":
                good = not table or all(name in value for name in rule)
            case "minProperties":
                good = not table or len(value) >= rule
            case "properties":
                good = True
                for name in value if table else ():
                    if name in rule:
                        wrong += matches(value[name], rule[name], f"{path}.{name}")
            case "patternProperties":
                good = True
                for name in value if table else ():
                    for pattern, inner in rule.items():
                        wrong += matches(value[name], inner, f"{path}.{name}") if re.search(pattern, name) else []
            case "additionalProperties":
                good = True
                for name in value if table else ():
                    known = name in schema.get("properties", {})
                    known = known or any(re.search(like, name) for like in schema.get("patternProperties", {}))
                    wrong += [] if known else matches(value[name], rule, f"{path}.{name}")
            case "dependentSchemas":
                good = True
                for name, inner in rule.items():
                    wrong += matches(value, inner, path) if table and name in value else []
            case _:
                raise AssertionError(f"the schema uses {keyword}, which this check does not know")
        wrong += [] if good else [f"{path}: {keyword} {rule}"]
    return wrong
