"""Every key and value of a TOML text is found where it stands."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.config.locate import locate

# (text, path, position of the key, position of the value); positions are (line, column), None: not looked at.
PLACES = [
    ("a = 1", ("a",), (1, 1), (1, 5)),
    ("\n\n  a=1", ("a",), (3, 3), (3, 5)),
    ("# x = 1\na = 1 # b = 2\nb = 2", ("b",), (3, 1), (3, 5)),
    ("[t]\na = 1", ("t",), (1, 2), None),
    ("[t]\na = 1", ("t", "a"), (2, 1), (2, 5)),
    ("[ t . u ]\na = 1", ("t", "u", "a"), (2, 1), (2, 5)),
    ("[t.u]\na = 1", ("t",), (1, 2), None),
    ("a.b.c = 1", ("a", "b"), (1, 3), None),
    ("a.b.c = 1", ("a", "b", "c"), (1, 5), (1, 9)),
    ('"x.y" = 1', ("x.y",), (1, 1), (1, 9)),
    ("'x y'.\"z\\u0041\" = 1", ("x y", "zA"), (1, 7), (1, 19)),
    ("a = [1, 2, 3]", ("a", 2), None, (1, 12)),
    ("a = [\n  'x', # ] no end\n  'y',\n]\nb = 1", ("a", 1), None, (3, 3)),
    ("a = [\n  'x', # ] no end\n  'y',\n]\nb = 1", ("b",), (5, 1), (5, 5)),
    ("a = [[1, 2], [3]]", ("a", 1, 0), None, (1, 15)),
    ("a = { b = 1, c.d = 'x' }", ("a", "c", "d"), (1, 16), (1, 20)),
    ("a = [{ b = 1 }, { b = 2 }]", ("a", 1, "b"), (1, 19), (1, 23)),
    ("[[t]]\na = 1\n[[t]]\na = 2", ("t", 1, "a"), (4, 1), (4, 5)),
    ("[[t]]\n[t.u]\na = 1\n[[t]]\n[t.u]\na = 2", ("t", 1, "u", "a"), (6, 1), (6, 5)),
    ("[[t]]\n[[t.u]]\n[[t.u]]\na = 1", ("t", 0, "u", 1, "a"), (4, 1), (4, 5)),
    ('a = """x\ny = 1\n""\\"""""\nb = 1', ("b",), (4, 1), (4, 5)),
    ("a = '''x\n[t]\ny'''''\nb = 1", ("b",), (4, 1), (4, 5)),
    ('a = "x # no\\" = 1" # b = 1\nb = \'z\'', ("b",), (2, 1), (2, 5)),
    ("a = [1979-05-27 07:32:00, 3]", ("a", 1), None, (1, 27)),
    ("a = 1979-05-27 07:32:00\nb = 1", ("b",), (2, 1), (2, 5)),
    ("a = [] \nb = {}\nc = 1", ("c",), (3, 1), (3, 5)),
]


@pytest.mark.parametrize(("text", "path", "key", "value"), PLACES)
def test_places(text: str, path: tuple[str | int, ...], key: tuple[int, int], value: tuple[int, int]) -> None:
    tomllib.loads(text)
    positions = locate(text)
    if key:
        spot = positions.spot(path, key=True)
        assert (spot.line, spot.column) == key
    if value:
        spot = positions.spot(path)
        assert (spot.line, spot.column) == value


def test_a_missing_key_is_placed_at_the_nearest_table() -> None:
    positions = locate("x = 1\n[worker.api]\nenv = { A = 'b' }\n")
    assert positions.spot(("worker", "api", "command"), key=True).line == 2
    assert positions.spot(("worker", "api", "env", "A", 3)).column == 13
    assert positions.spot(("nothing",)).line == 1


def test_a_value_over_several_lines_is_underlined_on_its_first() -> None:
    spot = locate("a = [\n 1,\n]\n").spot(("a",))
    assert (spot.line, spot.column, spot.width, spot.source) == (1, 5, 1, "a = [")


@pytest.mark.parametrize("text", ["[", "[a", "a", "a =", "a = [", "a = {b", 'a = "', "a.", "=", "a = ]", "a = }\n]"])
def test_a_cut_off_text_is_no_error(text: str) -> None:
    locate(text)


def test_deep_nesting_is_no_error() -> None:
    positions = locate("a = " + "[" * 100_000)
    assert positions.spot(("a",)).column == 1


def test_repeats() -> None:
    assert [repeat[0] for repeat in locate("[a]\nb = 1\n[c]\n[a]\n").repeats] == [("a",)]
    assert [repeat[0] for repeat in locate("a.b = 1\na.c = 2\na.b = 3\n").repeats] == [("a", "b")]
    assert locate("[a.b]\n[a]\n[[c]]\n[[c]]\n").repeats == []


# ------------------------------------------------------------------ any document

keys = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=5)
bare = st.text("abcAZ09_-", min_size=1, max_size=4)
scalars = st.one_of(
    st.integers(-99, 99), st.booleans(), st.text(max_size=6), st.sampled_from(["# x", '"""', "[t]", "a = 1"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(bare | keys, inner, max_size=3),
    max_leaves=8,
)


class Writer:
    """Writes a document as TOML in one of its many forms and notes where each key and value begins."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.text = ""
        self.keys: dict[tuple[str | int, ...], int] = {}
        self.values: dict[tuple[str | int, ...], int] = {}

    def put(self, *choices: str) -> None:
        self.text += self.draw(st.sampled_from(choices)) if len(choices) > 1 else choices[0]

    def key(self, path: tuple[str | int, ...]) -> None:
        self.keys[path] = len(self.text)
        name = str(path[-1])
        plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        self.put(*([name] if plain else []), json.dumps(name))

    def pair(self, path: tuple[str | int, ...], value: object) -> None:
        self.key(path)
        self.put("=", " = ", "\t=  ")
        self.value(path, value)

    def value(self, path: tuple[str | int, ...], value: object) -> None:
        self.values[path] = len(self.text)
        if isinstance(value, dict):
            self.put("{", "{ ")
            for number, (name, inner) in enumerate(value.items()):
                self.put(*((", ", ",") if number else ("",)))
                self.pair((*path, name), inner)
            self.put("}", " }")
        elif isinstance(value, list):
            self.put("[", "[ # [\n", "[\n\n")
            for index, inner in enumerate(value):
                self.value((*path, index), inner)
                self.put(",", " , # ,]\n", ",\n\t")
            self.put("]", " ]", "\n]")
        elif isinstance(value, bool):
            self.put("true" if value else "false")
        elif isinstance(value, int):
            self.put(str(value))
        else:
            assert isinstance(value, str)
            basic = json.dumps(value).replace("\x7f", "\\u007f")
            long = '"""' + basic[1:-1] + '"""'
            literal = all(char.isprintable() and char != "'" for char in value)
            self.put(basic, long, *([f"'{value}'", f"'''{value}'''"] if literal else []))

    def table(self, path: tuple[str | int, ...], table: dict[str, Any]) -> None:
        deeper: list[tuple[str, Any]] = []
        for name, value in table.items():
            as_header = isinstance(value, dict) and self.draw(st.booleans())
            as_headers = isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
            if as_header or as_headers:
                deeper.append((name, value))
            else:
                self.pair((*path, name), value)
                self.put("\n", " # c = 1\n", "\n\n# [x]\n")
        for name, value in deeper:
            for index, inner in enumerate(value if isinstance(value, list) else [value]):
                double = isinstance(value, list)
                self.put("[[" if double else "[")
                for depth, part in enumerate((*path, name), 1):
                    if isinstance(part, str):
                        self.put("." if self.text[-1] != "[" else "")
                        first = self.keys.get((*path, name)[:depth])
                        self.key((*path, name)[:depth])
                        if first is not None:
                            self.keys[(*path, name)[:depth]] = first
                self.put("]]\n" if double else "]\n")
                self.table((*path, name, index) if double else (*path, name), inner)


def _json_text_is_toml(value: object) -> bool:
    # JSON writes astral characters as surrogate pairs, which TOML refuses.
    if isinstance(value, dict):
        return all(_json_text_is_toml(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(map(_json_text_is_toml, value))
    return not isinstance(value, str) or all(
        ord(char) < 0x10000 and not 0xD800 <= ord(char) < 0xE000 for char in value
    )


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(bare | keys, values, max_size=4).filter(_json_text_is_toml), st.data())
def test_every_key_and_value_of_any_document(document: dict[str, Any], data: st.DataObject) -> None:
    writer = Writer(data.draw)
    writer.table((), document)
    assert tomllib.loads(writer.text) == document
    positions = locate(writer.text)
    for path, offset in writer.keys.items():
        assert positions.keys[path][0] == offset, path
    for path, offset in writer.values.items():
        assert positions.values[path][0] == offset, path
