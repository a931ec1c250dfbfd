"""Lies about lives and members, most of them in hellos."""

from tests.simulation.lying.telling import HELLO, MOST, SEAL, Telling

MANY = {300: 8, 3_000: 1, 20_000: 1}
"""Entries of an enormous list, and how often there are so many."""
FAR = (1, 1_000, 10**15, MOST)
"""How far beyond the truth a false position lies."""


def name_dead(telling: Telling) -> str | None:
    """The living epoch of another branch, or of the receiver, is over."""
    branch = telling.someone()
    if branch is None or "dead" not in telling.body:
        return None
    telling.body["dead"].append([branch, telling.heard.epochs[branch]])
    return f"{telling.heard.key(branch)} is dead"


def name_ghost(telling: Telling) -> str | None:
    """Another branch had a life, which nobody else ever heard of: it is over, or goes on."""
    branch = telling.someone()
    if branch is None or telling.path not in (HELLO, SEAL):
        return None
    epoch = telling.heard.ghost(branch, telling.random)
    if telling.random.random() < 0.5:
        telling.body["dead"].append([branch, epoch])
        return f"{branch}@{epoch} was there, and is dead"
    heads = telling.body.get("heads")
    if heads is None:
        return None
    heads[f"{branch}@{epoch}"] = {"seq": telling.random.choice(FAR), "event_id": "f" * 32}
    return f"{branch}@{epoch} has events"


def far_heads(telling: Telling) -> str | None:
    """The liar has events of another branch, or of the receiver, that were never written."""
    branch = telling.someone()
    heads = telling.body.get("heads")
    if branch is None or not isinstance(heads, dict):
        return None
    if telling.path == HELLO and telling.answer and telling.random.random() < 0.2:
        products = sorted(telling.heard.products)[:3]
        telling.body["ahead"] = dict.fromkeys(products, MOST)
        return f"it has newer stock rows of {telling.to}"
    key = telling.heard.key(branch)
    known = heads.get(key, {"seq": 0, "event_id": ""})
    far = telling.random.choice((0, *FAR))
    heads[key] = {"seq": min(known["seq"] + far, MOST), "event_id": f"{telling.random.getrandbits(128):032x}"}
    return f"it is at {heads[key]['seq']} of {key}"


def bait(telling: Telling) -> str | None:
    """The receiver lacks rows, which only the liar has."""
    if telling.path != HELLO:
        return None
    how = telling.random.choice(("oldest", "digest", "parked"))
    if how == "oldest":
        telling.body["oldest"] = telling.random.choice(FAR)
    elif how == "digest":
        telling.body["digest"] = f"{telling.random.getrandbits(256):064x}"
    else:
        lives = [telling.heard.key(branch) for branch in telling.heard.others()]
        telling.body["parked_seqs"] = {life: [[1, telling.random.choice(FAR)]] for life in lives}
    return f"a bait: {how}"


def odd_facts(telling: Telling) -> str | None:
    """The network is another one, or works by other rules."""
    if telling.path != HELLO:
        return None
    name, value = telling.random.choice(
        (
            ("policy", "optimistic"),
            ("cluster_id", "7b6c1f7c-0000-4000-8000-000000000000"),
            ("protocol", [1, 10**6]),
            ("schema_hash", "x" * 5_000),
            ("founded", False),
            ("has_set_aside", True),
            ("canonical", {"stock": 2**31, "orders": 7}),
        )
    )
    telling.body[name] = value
    return f"{name} is {str(value)[:20]}"


def odd_numbers(telling: Telling) -> str | None:
    """Counters and clocks that no node ever reaches."""
    if telling.path != HELLO:
        return None
    name, value = telling.random.choice(
        (
            ("now", 1e300),
            ("now", -1e18),
            ("oldest", MOST),
            ("incarnation", {"starts": MOST, "random": "z" * 1_000}),
            ("parked_seqs", {telling.heard.me + "@" + telling.body["epoch"]: [[0, MOST]]}),
        )
    )
    telling.body[name] = value
    return f"{name} is {str(value)[:20]}"


def long_lists(telling: Telling) -> str | None:
    """Lists of an enormous length, all of them about the liar's own branch."""
    if telling.path != HELLO:
        return None
    (many,) = telling.random.choices(tuple(MANY), tuple(MANY.values()))
    me, salt = telling.heard.me, telling.random.getrandbits(32)
    what = telling.random.choice(("dead", "heads", "own_rows", "ahead", "digests"))
    names = (f"{salt:08x}{number:024x}" for number in range(many))
    if what == "dead":
        telling.body["dead"] += [[me, name] for name in names]
    elif what == "heads":
        telling.body["heads"] |= {f"{me}@{name}": {"seq": 1, "event_id": name} for name in names}
    elif what == "digests":
        telling.body["digests"] = {**telling.body.get("digests", {}), **dict.fromkeys(names, "0" * 64)}
    else:
        telling.body[what] = dict.fromkeys(names, 1)
    return f"{many} {what}"
