"""How late a stop request is read is no distance between two of them."""

from __future__ import annotations

import pytest

from supervisor.system import lateness
from supervisor.system.lateness import Lateness


class Machine:
    """What we have waited for a processor, and the clock, as a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waited = self.now = 0.0
        monkeypatch.setattr(lateness, "waited", lambda: self.waited)
        monkeypatch.setattr(lateness, "monotonic", lambda: self.now)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_on_an_idle_machine_a_request_was_sent_when_it_is_read(machine: Machine) -> None:
    late = Lateness()
    assert late.earliest(5.0) == 5.0
    machine.now = 5.001
    late.handled(5.0)
    assert late.earliest(5.15) == pytest.approx(5.149)


def test_the_wait_for_a_processor_and_our_own_work_are_taken_off(machine: Machine) -> None:
    late = Lateness()
    machine.now = 5.03  # carrying out the first one took so long
    late.handled(5.0)
    machine.waited = 0.08
    assert late.earliest(5.16) == pytest.approx(5.05)
    assert late.earliest(6.0) == pytest.approx(5.89)


def test_no_request_is_older_than_the_one_before(machine: Machine) -> None:
    late = Lateness()
    machine.now = 5.2
    late.handled(5.0)
    machine.waited = 3.0
    assert late.earliest(5.21) == 5.0


def test_the_kernel_tells_how_long_we_waited() -> None:
    before = lateness.waited()
    assert lateness.waited() >= before >= 0.0
