"""What a refused login means: a password that does not fit, or a node that knows no users yet."""

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.nodes.client import NodeClient
from branchlab.nodes.outcome import Refused

_UNAUTHENTICATED = 401


async def is_wrong(client: NodeClient, refused: Refused) -> bool:
    """Whether the node knows its users, and refused the login for what it said. It is not tried again: a node
    answers nobody of that name for a while after many failures."""
    return refused.status == _UNAUTHENTICATED and await client.is_ready()


def wrong_password(username: str) -> LabError:
    """The one line for it."""
    return LabError(
        _(
            "ADMIN_PASSWORD in the secrets' file is not the password of '{username}' in this"
            " network: put the right one there, or `make reset-admin NODE=matriz` gives the user the"
            " one from there",
            username=username,
        )
    )
