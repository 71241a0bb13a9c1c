"""Type=notify-reload, which systemd knows from 253 on: it sends SIGHUP itself and waits for RELOADING=1 and READY=1.

The bed's root is another system then, in ``SDBED_ROOT``: debootstrap --variant=minbase --include=systemd,libffi8 sid.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support import systemd
from tests.systemd.service import Service

ROOT = Path(__file__).parents[2]
# Takes its time to reload, and says so, as a program does that speaks sd_notify(3) itself.
PROGRAM = """
import os, signal, socket, time
line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
line.connect(os.environ["NOTIFY_SOCKET"])
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
line.send(b"READY=1")
while True:
    signal.sigwaitinfo({signal.SIGHUP})
    line.send(b"RELOADING=1\\nMONOTONIC_USEC=%d" % (time.monotonic() * 1e6))
    time.sleep(0.5)
    print("reloaded", flush=True)
    line.send(b"READY=1")
"""


@pytest.mark.outside
def test_systemd_waits_for_a_reload() -> None:
    root = os.environ.get("SDBED_ROOT")
    if root is None:
        pytest.skip("needs SDBED_ROOT, the root of a system with systemd 253 or later")
    if (missing := systemd.missing(root)) is not None:
        pytest.skip(missing)
    with systemd.Bed(ROOT, Path(sys.base_prefix), root=root) as bed:
        bed.write("/srv/reloads.py", PROGRAM)
        command = f"--reload-signal HUP -- {sys.executable} /srv/reloads.py"
        speaks = Service(bed, command, Type="notify-reload").started()
        assert speaks.systemctl("reload") == 0
        assert "reloaded" in bed.journal(speaks.name), "it returns when the reload is over"
        assert speaks.show("ActiveState") == "active"
        silent = Service(
            bed, "--ready started --reload-signal HUP -- sh -c 'trap \"echo hup\" HUP; while :; do sleep 0.1; done'",
            Type="notify-reload",
        ).started()  # fmt: skip
        assert silent.systemctl("reload") == 0
        silent.logged("hup")
        for service in (speaks, silent):
            assert service.systemctl("stop") == 0 and service.result == "success"
