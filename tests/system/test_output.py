"""What goes out to a reader that takes nothing, without a fleet around it."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import PATIENCE


def test_the_tail_of_a_dashboard_is_no_message_of_ours() -> None:
    """The workers' lines are neither dropped nor counted as messages, however full the way out is."""
    program = (
        "import os\nfrom supervisor.system.output.lane import Lane\n"
        "from supervisor.system.output.lanes import Output\n"
        "from supervisor.system.output.tail import Block\n"
        "from supervisor.system.poller import Poller\n"
        "from supervisor.views.lines import Plain, Splitter\n"
        "output = Output(Poller(), Splitter, lambda text: output.message(text.encode() + b'\\n'))\n"
        "lanes = Lane(0, 'stdout', False, Plain()), Lane(0, 'stderr', False, Plain())\n"
        "for n in range(4000):\n"
        "    output.tail.add(Block(lanes[n % 2], b'tail %d\\n' % n, 0.0, False))\n"
        "for n in range(50_000): output.message(b'own %d ' % n + b'm' * 100 + b'\\n')\n"
        "output.show_tail()\noutput.show_tail()\n"
        "from supervisor.system.output.patience import Patience\noutput.finish(Patience())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert run.stdout.splitlines() == [f"tail {n}" for n in range(0, 4000, 2)]
    shown = [line for line in run.stderr.splitlines() if line.startswith("tail ")]
    assert shown == [f"tail {n}" for n in range(1, 4000, 2)]
