"""What is said where no agent answers through ssh."""

import pytest

from edgebench.measure import ssh
from edgebench.measure.transport import AgentMissingError


@pytest.mark.parametrize(
    ("status", "said", "way"),
    [
        (255, "ssh: Could not resolve hostname rpi9: Name or service not known", "correct the name, or give the board"),
        (255, "ssh: connect to host rpi9 port 22: Connection refused", "start the ssh server of the board, "),
        (255, "ssh: connect to host rpi9 port 22: No route to host", "see that the board is on, and on this network"),
        (255, "client_loop: send disconnect: Broken pipe", "see whether `ssh pi@rpi9` reaches it"),
        (2, "sh: 1: cd: can't cd to .edgebench", "set the board up with `edgebench devices setup --host pi@rpi9`"),
        (None, "no hello from it", "set the board up with `edgebench devices setup --host pi@rpi9`"),
    ],
)
def test_only_a_board_that_ssh_reaches_is_to_be_set_up(status: int | None, said: str, way: str) -> None:
    """Where ssh itself failed (255) the advice is about the way there; else edgebench is not on the board."""
    assert ssh._way(AgentMissingError(said, status), "pi@rpi9").startswith(way)
