"""Which file is the config, what can be wrong with it, and the Procfile."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.config.complaint import InvalidConfig
from supervisor.config.load import check, load
from supervisor.config.machine import MOST_BYTES, SYSTEM
from supervisor.config.places import working_folder
from tests.config.loading import ENVIRON, WORKER, loaded

# ------------------------------------------------------------------ which file


def test_the_order_of_places(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    places = {
        "pyproject.toml": f"[tool.sigdrain.fleet]\nname = 'third'\n{WORKER.replace('[', '[tool.sigdrain.', 1)}",
        "configs/supervisor.toml": f"[fleet]\nname = 'second'\n{WORKER}",
        "supervisor.toml": f"[fleet]\nname = 'first'\n{WORKER}",
    }
    names = []
    for place, text in places.items():
        (tmp_path / place).write_text(text)
        config = load(None, str(tmp_path), ENVIRON)
        assert config.path == str(tmp_path / place)
        names.append(config.fleet.name)
    assert names == ["third", "second", "first"]


def test_a_pyproject_without_our_table_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    (complaint,) = check(None, str(tmp_path), ENVIRON)[1]
    assert complaint.file == str(tmp_path) and "no config found" in complaint.message
    (complaint,) = check("pyproject.toml", str(tmp_path), ENVIRON)[1]
    assert complaint.place == "pyproject.toml" and complaint.message == "has no [tool.sigdrain] table"


def test_places_in_a_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[project]\n\n[tool.sigdrain.worker.api]\ncomand = 'x'\ncommand = 'sh'\n"
    )
    (complaint,) = check(None, str(tmp_path), ENVIRON)[1]
    assert complaint.place == "pyproject.toml:4:1"
    assert complaint.message.startswith("[tool.sigdrain.worker.api] unknown key")


def test_the_default_name_of_a_fleet(tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "configs"
    folder.mkdir(parents=True)
    assert loaded(folder, WORKER).fleet.name == "shop"


# ------------------------------------------------------------------ what can be wrong with a file


def complaint_about(folder: Path, data: bytes) -> str:
    (folder / "supervisor.toml").write_bytes(data)
    with pytest.raises(InvalidConfig) as caught:
        load(None, str(folder), ENVIRON)
    return str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    (complaint,) = check("x/supervisor.toml", str(tmp_path), ENVIRON)[1]
    assert str(complaint).startswith("x/supervisor.toml: error: cannot be read: no such file or directory")
    assert "supervisor init" in complaint.hint


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "supervisor.toml").mkdir()
    for path in (None, "supervisor.toml"):
        (complaint,) = check(path, str(tmp_path), ENVIRON)[1]
        assert str(complaint).startswith("supervisor.toml: error: cannot be read: is a directory")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"# nothing\n"])
def test_an_empty_file(data: bytes, tmp_path: Path) -> None:
    assert "it defines no worker" in complaint_about(tmp_path, data)


def test_not_utf8(tmp_path: Path) -> None:
    text = complaint_about(tmp_path, WORKER.encode() + b"env.A = 'caf\xe9'\n")
    assert text.startswith("supervisor.toml:3:13: error: is not UTF-8 text: byte 0xe9\n")
    assert "UTF-16" in complaint_about(tmp_path, WORKER.encode("utf-16"))


def test_a_byte_order_mark_and_dos_line_ends(tmp_path: Path) -> None:
    text = complaint_about(tmp_path, b"\xef\xbb\xbf" + WORKER.replace("\n", "\r\n").encode() + b"x = 1\r\n")
    assert text.startswith("supervisor.toml:3:1: error: [worker.api] unknown key")
    assert "\n    3 | x = 1\n" in text


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 10_000_000])
def test_a_huge_file(size: int, tmp_path: Path) -> None:
    assert "is larger than 1 MiB" in complaint_about(tmp_path, b"#" * size)


def test_a_file_without_an_end() -> None:
    (complaint,) = check("/dev/zero", "/", ENVIRON)[1]
    assert "is larger than 1 MiB" in complaint.message


def test_a_huge_env_file(tmp_path: Path) -> None:
    (tmp_path / "x.env").write_bytes(b"#" * (MOST_BYTES + 1))
    assert "larger than 1 MiB" in complaint_about(tmp_path, WORKER.encode() + b"env_file = 'x.env'\n")


def test_the_largest_file_that_is_read(tmp_path: Path) -> None:
    data = WORKER.encode() + b"".join(b"key%d = {}\n" % n for n in range(60_000))
    assert len(data) < MOST_BYTES
    assert "errors" in complaint_about(tmp_path, data)


def test_a_pipe_can_be_a_config(tmp_path: Path) -> None:
    code = (
        "import sys; from supervisor.config.load import load;"
        f"fleet = load('/dev/stdin', {str(tmp_path)!r}, {ENVIRON!r}).fleet;"
        "print(fleet.name, fleet.workers[0].name, fleet.workers[0].exec.cwd)"
    )
    (tmp_path / "app").mkdir()
    config = f"{WORKER}cwd = 'app'\n"
    done = subprocess.run(
        [sys.executable, "-c", code], input=config, capture_output=True, text=True, check=True, timeout=60
    )
    name, *told = done.stdout.split()
    assert name == re.sub("[^A-Za-z0-9]+", "-", tmp_path.name).strip("-")[:63] and told == [
        "api",
        str(tmp_path / "app"),
    ], "the working folder's"


def test_a_descriptor_that_is_not_open() -> None:
    loaded, (complaint,) = check("/dev/fd/77", "/srv", {}, SYSTEM)
    assert loaded is None and complaint.message == "cannot be read: no such file or directory"
    assert "is that descriptor open?" in complaint.hint


# ------------------------------------------------------------------ where we are


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[None]:
    """A working folder that was deleted."""
    before = os.getcwd()
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    yield
    os.chdir(before)


@pytest.mark.usefixtures("nowhere")
def test_the_working_folder_was_deleted(tmp_path: Path) -> None:
    assert working_folder() == ""
    for path in (None, "supervisor.toml", "../supervisor.toml"):
        (complaint,) = check(path, working_folder(), ENVIRON)[1]
        assert complaint.message == "the working folder was deleted" and "-c /" in complaint.hint
    (tmp_path / "supervisor.toml").write_text(f"{WORKER}cwd = '.'\n")
    config, complaints = check(str(tmp_path / "supervisor.toml"), working_folder(), ENVIRON)
    assert config is not None and complaints == []
    assert config.fleet.workers[0].exec.cwd == str(tmp_path)


def test_names_of_folders_without_a_letter_for_a_name(tmp_path: Path) -> None:
    """They are told apart, and keep their names."""
    names: list[str | None] = []
    for folder in ("проект", "項目", "-", "проект/..", "shop über"):
        (tmp_path / folder).mkdir(exist_ok=True)
        names.append(loaded(tmp_path / folder, WORKER).fleet.name)
    first, second, third, _, fifth = names
    assert len({first, second, third}) == 3
    assert all(re.fullmatch("fleet-[0-9a-f]{8}", name or "") for name in (first, second, third))
    assert fifth == "shop-ber"
    assert loaded(tmp_path / "проект", WORKER).fleet.name == first


# ------------------------------------------------------------------ Procfile


def test_a_procfile(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=7000\nA=1\n")
    text = "# all\nweb: python3 -m http.server $PORT\n\nmail: sh {port}\nclock: sh -c 'a b'\n"
    config = loaded(tmp_path, text, "Procfile.dev")
    assert [worker.exec.argv for worker in config.fleet.workers] == [
        ("/bin/sh", "-c", "python3 -m http.server $PORT"),
        ("/bin/sh", "-c", "sh {port}"),
        ("sh", "-c", "a b"),
    ]
    environments = [worker.exec.env or {} for worker in config.fleet.workers]
    assert [env["PORT"] for env in environments] == ["7000", "7100", "7200"]
    assert {env["A"] for env in environments} == {"1"}
    assert {worker.restart.on_exit for worker in config.fleet.workers} == {"stop-all"}
    assert {worker.exec.cwd for worker in config.fleet.workers} == {str(tmp_path)}


def test_a_wrong_procfile(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: sh\nnonsense\nweb: sh\nmail: sh 'open\n")
    found = check("Procfile", str(tmp_path), ENVIRON)[1]
    assert [complaint.place for complaint in found] == ["Procfile:2:1", "Procfile:3:1", "Procfile:4:7"]
    assert [complaint.message for complaint in found] == [
        "this line is neither NAME: COMMAND nor a comment",
        '"web" is defined twice',
        '[worker.mail] "command" cannot be split: no closing quotation',
    ]
