"""The doctor's checks of a folder and its network: whose it is, what is gone, and what is left over."""

from collections.abc import Callable
from pathlib import Path

from branchlab import interruption, settings
from branchlab.errors import LabError
from branchlab.language import _, shown
from branchlab.networks import network
from branchlab.networks.checks.finding import Finding
from branchlab.networks.drivers import get_driver
from branchlab.networks.drivers.node_code import outdated
from branchlab.networks.drivers.process import moved_under_nodes
from branchlab.networks.homes import folder, leftovers, record, secrets_fit
from branchlab.networks.network import Network
from branchlab.nodes.client import NodeClient
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.nodes.password import is_wrong, wrong_password
from branchlab.settings import Secrets

_LOGIN_SECONDS = 5.0


def home(run_dir: Path, env_file: Path) -> Finding:
    """Whether the folder's network and secrets are its own, and no copies of another folder's."""
    try:
        folder.require_own(run_dir)
    except LabError as error:
        return Finding(_("folder"), fine=False, words=shown(error.args[0]))
    if moved := moved_under_nodes(run_dir):
        return Finding(_("folder"), fine=False, words=moved)
    first = settings.copied_from(env_file) if _network(run_dir) is None else None
    words = (
        _("{env_file} is a copy of {first}", env_file=env_file, first=first)
        if first
        else _("its network and secrets are its own")
    )
    return Finding(_("folder"), first is None, words, _("`make up` gives this folder secrets of its own"))


def left_over(_run_dir: Path, _env_file: Path) -> Finding:
    """What folders left over that were removed without `make down`."""
    left = leftovers.find()
    words = "; ".join(one.words for one in left)
    advice = _("`./lab sweep` removes it, `./lab adopt NAME` goes on with containers")
    return Finding(
        _("left over"),
        not left,
        _("by folders that are gone: {words}", words=words) if left else _("nothing"),
        advice,
    )


def secrets_fit_network(run_dir: Path, env_file: Path) -> Finding:
    """Whether the secrets are those that the network's data and its running nodes have."""
    return _try(_("network"), _("its secrets fit"), lambda: _require_fit(run_dir, env_file))


def disks(run_dir: Path, env_file: Path) -> Finding:
    """Whether every member still has its database or volume, once they had one."""
    current, kept = _network(run_dir), record.read(run_dir)
    if current is None or kept is None or not kept.has_data or not folder.look(run_dir).is_own:
        return Finding(_("data"), fine=True, words=_("no network here had any yet"))
    try:
        there = get_driver(current.driver, run_dir, env_file=env_file).disks()
    except LabError as error:  # no daemon: nothing is known, and that has a line of its own
        return Finding(_("data"), fine=True, words=_("not looked at: {error}", error=error))
    gone = [node.name for node in current.members if node.name not in there]
    words = _("gone at {gone}", gone=", ".join(gone)) if gone else _("every member has its disk")
    return Finding(_("data"), not gone, words, _("`make up` says what comes back; `make clean` begins anew"))


def code(run_dir: Path, _env_file: Path) -> Finding:
    """Whether processes run other code than the folder has."""
    current = _network(run_dir)
    old = outdated(run_dir, current.names, current.implementation) if current is not None else []
    words = (
        _("{old} run other code than this folder has", old=", ".join(old))
        if old
        else _("what runs is what is here")
    )
    return Finding(_("running code"), not old, words, _("run `make down`, then `make up`"))


def _require_fit(run_dir: Path, env_file: Path) -> None:
    current = _network(run_dir)
    if current is None or not folder.look(run_dir).is_own or settings.fault_of(env_file) is not None:
        return  # other checks say so
    secrets = secrets_fit.read(run_dir, env_file)
    driver = get_driver(current.driver, run_dir, env_file=env_file)
    running = [name for name in current.names if driver.state(name) == "running"]
    if (name := secrets_fit.changed(run_dir, secrets)) and running:
        raise secrets_fit.not_shared(name, env_file)
    interruption.run(_log_in(current, running, secrets))


async def _log_in(current: Network, running: list[str], secrets: Secrets) -> None:
    """One login, at the first node that can say whether the password is right."""
    for name in running:
        async with NodeClient(name, current.url(name), timeout=_LOGIN_SECONDS) as client:
            try:
                await client.login(secrets.admin_username, secrets.admin_password)
            except Refused as refused:
                if await is_wrong(client, refused):
                    raise wrong_password(secrets.admin_username) from None
            except Unknown:
                continue
            else:
                return


def _try(subject: str, fine: str, act: Callable[[], None]) -> Finding:
    try:
        act()
    except LabError as error:
        return Finding(subject, fine=False, words=shown(error.args[0]))
    return Finding(subject, fine=True, words=fine)


def _network(run_dir: Path) -> Network | None:
    try:
        return network.find(run_dir)
    except LabError:
        return None
