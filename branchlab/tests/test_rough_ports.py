"""Ports that other programs took: the line names the port, who has it and what to do."""

import os
import socket
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.networks import ports
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.network import UpOptions
from branchlab.tests.program import at_place, exit_code
from branchlab.tests.standins import driver_in, standin


def test_a_port_that_was_taken_meanwhile_is_what_heal_names(tmp_path: Path) -> None:
    driver = driver_in(tmp_path)
    try:
        network = driver.up(UpOptions(nodes=2, ports=ports.find_free(2)))
        driver.stop("filial-norte")
        taken = network.node("filial-norte").port
        with socket.create_server(("127.0.0.1", taken)):
            with pytest.raises(
                LabError, match=f"^port {taken}, which filial-norte needs, is in use by another"
            ):
                driver.heal()
            assert driver.state("matriz") == "running"
        driver.heal()
        assert driver.state("filial-norte") == "running"
    finally:
        driver.down()


def test_a_node_that_ends_because_its_port_is_taken_is_told_by_that_and_not_by_its_last_words(
    tmp_path: Path,
) -> None:
    """The port was free when the driver looked."""
    port = ports.find_free(2)
    with socket.create_server(("127.0.0.1", port[1])):
        driver = ProcessDriver(tmp_path / "run", env_file=tmp_path / "env", command=standin("exit"))
        network = driver.up  # what follows it is tried alone: `up` looks at the ports first
        with pytest.raises(LabError, match=f"port {port[1]}, which filial-norte needs"):
            network(UpOptions(nodes=2, ports=port))


def test_the_program_that_has_a_port_is_named_as_far_as_this_user_may_see_it() -> None:
    (port,) = ports.find_free(1)
    with socket.create_server(("127.0.0.1", port)):
        assert f"pid {os.getpid()})" in ports.holder(port)
    assert ports.holder(port) == "another program"


def test_a_busy_page_of_locust_is_refused_before_anything_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (port,) = ports.find_free(1)
    with socket.create_server(("127.0.0.1", port)):
        ended = exit_code("load", "--ui", "--ui-port", str(port), *at_place(tmp_path))
    line = capsys.readouterr().err
    assert ended == 2
    assert line.startswith(f"lab: port {port}, which Locust's page needs, is in use by another program")
    assert line.endswith(f"`make load-ui UI_PORT={port + 1}`\n")
    assert list(tmp_path.iterdir()) == []
