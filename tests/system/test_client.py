"""Whom the client of the control socket talks to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest

from supervisor.errors import ControlError
from supervisor.system.control import client

SERVER = """
import os, socket, sys
os.setresuid(65534, 65534, 65534)
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
server.accept()[0].recv(1)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_socket_of_another_user_is_not_trusted() -> None:
    """It could have been put there in /tmp for us to find."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o777)
        path = os.path.join(folder, "control")
        with subprocess.Popen([sys.executable, "-c", SERVER, path], stdout=subprocess.PIPE) as server:
            assert server.stdout is not None and server.stdout.readline() == b"ready\n"
            with pytest.raises(ControlError, match="served by user 65534"):
                client.connect(path)
            assert server.wait(30) == 0
