"""The channel against hostile senders: bounded memory, bounded calls, counted drops, never a crash."""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.agent import wire
from supervisor.system.agent.channel import BUDGET, DUMP_SIZE, MESSAGES, PACKED, PER_PROCESS, SHARE, Channel
from supervisor.system.agent.meeting import Meeting
from supervisor.system.process.spawn import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def channel() -> Iterator[Channel]:
    made = Channel(Meeting(env={"TMPDIR": "/tmp"}))
    yield made
    made.close()
    own = os.path.basename(made.meeting.path)  # the folder is every test's of this user
    assert not [name for name in os.listdir(made.meeting.folder) if name.startswith(own)]


def connected(channel: Channel) -> socket.socket:
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sender.connect(channel.meeting.path)
    return sender


def message(event: str = "ready", **fields: object) -> bytes:
    head = {"v": 1, "ev": event, "t": time.monotonic_ns(), "pid": 1, "seq": 1}
    return json.dumps(head | fields).encode()


def fill(sender: socket.socket) -> None:
    """Until the kernel takes no more."""
    sender.setblocking(False)
    try:
        while True:
            sender.send(message())
    except BlockingIOError:
        pass


def all_of(channel: Channel) -> list[wire.AgentMessage]:
    """Read until nothing is left."""
    out: list[wire.AgentMessage] = []
    while select.select([channel], [], [], 0)[0]:
        out += channel.read(time.monotonic())
    return out


def test_the_folder_and_the_socket_are_private(channel: Channel) -> None:
    assert stat.S_IMODE(os.stat(channel.meeting.folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(channel.meeting.path).st_mode) == 0o600


def test_the_pid_is_the_kernels_and_the_time_is_possible(channel: Channel) -> None:
    with connected(channel) as sender:
        sender.send(message("hello", pid=1, probe=True))
        sender.send(message(t=time.monotonic_ns() + 10**12))
        sender.send(message(t=0))
        hello, future, past = all_of(channel)
        assert hello.pid == os.getpid()
        assert not hello.clamped
        assert future.clamped and future.at <= time.monotonic()
        assert past.clamped and past.at > 0
        assert channel.live(os.getpid())
        sender.send(message("probe", probe=False))
        all_of(channel)
        assert not channel.live(os.getpid())
        assert channel.pids() == [os.getpid()]
    assert [one.event for one in all_of(channel)] == ["eof"]
    assert channel.pids() == []


GARBAGE = {
    b"{}": "version",
    b"x": "size",
    b"x" * (wire.MAX_MESSAGE + 10): "size",
    b"\xff\xfe": "json",
    b"[" * 30_000: "json",
    b'{"v":1,"ev":"ready","t":NaN}': "json",
    b'{"v":1,"ev":"ready","t":' + b"9" * 20_000 + b"}": "json",
    b'{"v":1} {"v":1}': "json",
    b'{"v":2,"ev":"ready"}': "version",
    b'{"v":1,"ev":"rm -rf"}': "event",
    b'{"v":1,"ev":["ready"]}': "event",
    b'{"v":1,"ev":"eof","t":1,"pid":1,"seq":1}': "event",
    b'{"v":1,"ev":"ready"}': "shape",
    b'{"v":1,"ev":"ready","t":-1,"pid":1,"seq":1}': "shape",
    b'{"v":1,"ev":"ready","t":1,"pid":1,"seq":1,"seconds":"2"}': "shape",
    b'{"v":1,"ev":"ready","t":1,"pid":1,"seq":1,"seconds":1e308}': "shape",
    b'{"v":1,"ev":"hello","t":1,"pid":1,"seq":1,"ppid":true}': "shape",
    b'{"v":1,"ev":"phase","t":1,"pid":1,"seq":1,"by":["a","b","c"]}': "shape",
    b'{"v":1,"ev":"phase","t":1,"pid":1,"seq":1,"tasks":[[]]}': "shape",
    b'{"v":1,"ev":"phase","t":1,"pid":1,"seq":1,"tasks":[' + b"{}," * 400 + b"{}]}": "shape",
}


def test_garbage_is_counted_by_reason(channel: Channel) -> None:
    with connected(channel) as sender:
        for raw in GARBAGE:
            sender.send(raw)
        sender.send(message())
        assert [one.event for one in all_of(channel)] == ["ready"]
    expected: dict[str, int] = {}
    for reason in GARBAGE.values():
        expected[reason] = expected.get(reason, 0) + 1
    assert channel.rejected == expected
    assert all_of(channel)[-1].fields["rejected"] == len(GARBAGE)


def test_several_messages_of_one_packet(channel: Channel) -> None:
    """What is beyond the most that fits is refused as one, and each counts for a flood."""
    with connected(channel) as sender:
        sender.send(b"\n".join([message(seq=1), b"x", message(seq=2), message("probe", seq=3, probe=False)]))
        assert [(one.event, one.seq) for one in all_of(channel)] == [("ready", 1), ("ready", 2), ("probe", 3)]
        sender.send(b"\n" * 20_000)
        assert all_of(channel) == []
    assert channel.rejected == {"size": 1 + PACKED, "json": 1}
    assert all_of(channel)[-1].fields["lost"] == 0


@given(st.binary(max_size=200))
def test_decode_never_raises(raw: bytes) -> None:
    assert wire.decode(raw) in ("size", "json", "version", "event", "shape")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(
    st.sampled_from(sorted(wire.EVENTS)),
    st.data(),
)
def test_whatever_is_accepted_has_the_shape_that_was_promised(event: str, data: st.DataObject) -> None:
    fields = {key: data.draw(JSON) for key in wire.EVENTS[event]}
    raw = json.dumps({"v": 1, "ev": event, "t": 1, "pid": 1, "seq": 1} | fields).encode()
    result = wire.decode(raw)
    if isinstance(result, str):
        assert result in ("size", "json", "event", "shape")
        return
    assert set(result.fields) == set(wire.EVENTS[event])

    def check(value: Any, shape: object) -> None:
        if value is None:
            return
        if shape is wire.FRAME:
            assert len(value) == 3
        elif isinstance(shape, list):
            assert len(value) <= wire.MAX_ITEMS
            for item in value:
                check(item, shape[0])
        elif isinstance(shape, dict):
            assert set(value) == set(shape)
            for key, inner in shape.items():
                check(value[key], inner)
        else:
            assert type(value) is shape
            if shape is str:
                assert len(value) <= wire.MAX_TEXT
                assert not any(
                    ord(char) < 32 or 127 <= ord(char) < 160 or 0xD800 <= ord(char) < 0xE000 for char in value
                )
                value.encode()

    check(result.fields, wire.EVENTS[event])


def test_a_flood_is_cut_off_and_no_call_reads_more_than_its_budget(channel: Channel) -> None:
    flood = """
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1])
raw = sys.argv[2].encode()
try:
    for _ in range(100_000): s.send(raw)
except OSError: pass
"""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    raw = message("loop-exception", message="x" * 900)
    sender = subprocess.Popen([sys.executable, "-c", flood, channel.meeting.path, raw.decode()])
    kept = most = 0
    while not channel.flooded:
        assert select.select([channel], [], [], 30)[0]
        got = channel.read(time.monotonic())
        most = max(most, len(got))
        kept += len([one for one in got if one.event != "eof"])
    assert sender.wait(30) == 0
    assert kept == MESSAGES
    assert most * len(raw) <= BUDGET + SHARE * len(raw)
    assert channel.pids() == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_a_flooding_peer_does_not_starve_another(channel: Channel) -> None:
    with connected(channel) as loud, connected(channel) as quiet:
        fill(loud)
        quiet.send(message("probe", probe=True))
        got: list[str] = []
        calls = 0
        while "probe" not in got:
            got += [one.event for one in channel.read(time.monotonic(), 16_000)]
            calls += 1
        assert calls <= 3


def test_ten_thousand_connections(channel: Channel) -> None:
    """Of one process: it gets a few, and takes none from others."""
    hold = """
import socket, sys
kept = []
for n in range(10_000):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try: s.connect(sys.argv[1])
    except OSError: break
    if n < 300: kept.append(s)
    else: s.close()
print("done", flush=True); sys.stdin.read()
"""
    sender = subprocess.Popen(
        [sys.executable, "-c", hold, channel.meeting.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert sender.stdout is not None
    while sender.poll() is None and not select.select([sender.stdout], [], [], 0)[0]:
        select.select([channel.fileno(), sender.stdout.fileno()], [], [])
        channel.read(time.monotonic())
    all_of(channel)
    assert channel.refused >= 9_000
    assert len(os.listdir("/proc/self/fd")) < 50 + PER_PROCESS
    with connected(channel) as honest:
        honest.send(message("hello"))
        assert "hello" in [one.event for one in all_of(channel)]
    sender.communicate(timeout=30)


def test_no_more_connections_than_it_can_hold(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.system.agent.channel.CONNECTIONS", 3)
    senders = [connected(channel) for _ in range(5)]
    all_of(channel)
    assert channel.refused == 2
    for sender in senders:
        sender.close()
    all_of(channel)
    with connected(channel) as late:
        late.send(message("hello"))
        assert "hello" in [one.event for one in all_of(channel)]


def test_without_descriptors_it_waits_instead_of_spinning(channel: Channel) -> None:
    """One caller has the reserve's descriptor; who comes then is served when a connection closes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first, second = connected(channel), connected(channel)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), hard))
    fillers: list[int] = []
    try:
        try:
            while True:
                fillers.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        poll = select.poll()
        poll.register(channel, select.POLLIN)
        assert poll.poll(0)
        assert channel.read(time.monotonic()) == []
        assert poll.poll(0) == []
        first.send(message("hello"))
        assert [one.event for one in all_of(channel)] == ["hello"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in fillers:
            os.close(fd)
    first.close()
    second.send(message("hello"))
    assert [one.event for one in all_of(channel)] == ["eof", "hello"]
    second.close()


def test_another_user_is_refused() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    base = tempfile.mkdtemp(dir="/tmp")  # a folder of its own: other tests close the shared one to others again
    os.chmod(base, 0o711)
    channel = Channel(Meeting(env={"XDG_RUNTIME_DIR": base}))
    os.chmod(channel.meeting.folder, 0o711)
    os.chmod(channel.meeting.path, 0o666)
    code = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(1, 5); s.connect(sys.argv[1]); print(s.recv(1))"
    )
    run = subprocess.Popen([sys.executable, "-c", code, channel.meeting.path], stdout=subprocess.PIPE)
    assert select.select([channel], [], [], 30)[0]
    channel.read(time.monotonic())
    assert run.communicate(timeout=30)[0] == b"b''\n"
    assert channel.refused == 1
    channel.close()
    shutil.rmtree(base)


def test_a_worker_of_another_user_reaches_its_channel() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    made = Channel(Meeting(Identity(65534, 65534, ())))
    code = "import os, socket, sys; os.setuid(65534); s = socket.socket(1, 5); s.connect(sys.argv[1]); s.send(b'hi')"
    run = subprocess.Popen([sys.executable, "-c", code, made.meeting.path])
    assert run.wait(30) == 0
    all_of(made)
    assert (made.refused, made.rejected) == (0, {"json": 1})
    made.close()


def test_the_dump_is_read_bounded_and_through_no_link(channel: Channel, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for name, content in (("dump-1", "line\n\x1b[2J" + "x" * 100_000), ("dump-2", None), ("dump-../x", "y")):
        with connected(channel) as sender:
            sender.send(message("hello", dump=name, dump_fd=5, dump_signal=61))
            if content is None:
                Path(f"{channel.meeting.path}.{name}").symlink_to(secret)
            elif "/" not in name:
                Path(f"{channel.meeting.path}.{name}").write_text(content)
            all_of(channel)
            assert channel.dump_signal(os.getpid()) is None  # descriptor 5 is not that file
        texts = [one.fields["text"] for one in all_of(channel) if one.event == "dump"]
        if name == "dump-1":
            assert texts[0].startswith("line\n\N{REPLACEMENT CHARACTER}[2J")
            assert len(texts[0]) == DUMP_SIZE
        else:
            assert texts == []
    assert secret.read_text() == "secret"


def test_the_supervisor_imports_little_for_it() -> None:
    """`json`, `socket` and `enum` would cost more than all the rest of the lean path."""
    code = "import sys, supervisor.system.agent.channel; print({'json', 'socket', 'enum', 're'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
