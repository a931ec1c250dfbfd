"""The control room in Chromium: its numbers are the nodes', its bands the log's, and keys do everything."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from branchlab.poll import poll_blocking
from branchlab.screens.serving import address_here
from tests.cluster.cluster import Cluster
from tests.cluster.room.phones import PHONES, Phones
from tests.cluster.room.rooms import PATIENCE_MS, Room, Seen, open_room, open_seen, records_of
from tests.cluster.room.seeing import (
    LOOKS,
    assert_nothing_in_the_way,
    choose,
    choose_only,
    expect_said,
    fits,
    let_go,
    logged_moments,
    smallest_text,
)

pytestmark = [pytest.mark.cluster, pytest.mark.browser]

expect.set_options(timeout=PATIENCE_MS)
_SECONDS = PATIENCE_MS / 1000


@pytest.fixture(scope="module")
def cluster(shared_cluster: Cluster) -> Cluster:
    return shared_cluster


@pytest.fixture(scope="module")
def seen(room: Room, chromium: Browser) -> Iterator[Seen]:
    """The teacher's page, the same for all tests: it must need no reload."""
    one = open_seen(chromium, room.url)
    expect(one.get("node-matriz")).to_have_attribute("data-state", "running")
    one.page.evaluate("() => { window.never_reloaded = true; }")
    yield one
    assert one.page.evaluate("() => window.never_reloaded"), "the page was loaded again"
    assert (one.hosts, one.complaints) == ({"127.0.0.1"}, [])
    one.page.close()


@pytest.fixture(autouse=True)
def healed(seen: Seen, cluster: Cluster) -> Iterator[None]:
    """Every test leaves a network behind on which nothing is broken, and a page without a dialog."""
    yield
    seen.press("Escape")
    let_go(seen)
    lasting = {one["id"] for one in records_of(cluster.run_dir, "fault.requested")} - {
        one["id"] for one in records_of(cluster.run_dir, "fault.healed")
    }
    if lasting:
        before = seen.get("said").inner_text()
        seen.press("h")
        expect(seen.get("said")).not_to_have_text(before)
        expect_said(seen, "HEAL: done.")
    for name in cluster.network.names:
        expect(seen.get(f"node-{name}")).to_have_attribute("data-state", "running")


def test_the_key_does_not_stay_in_the_address(seen: Seen, room: Room) -> None:
    assert seen.page.url == f"http://127.0.0.1:{room.port}/room/"
    assert httpx.get(seen.page.url).status_code == 403


def become(seen: Seen, who: str) -> None:
    """Choose by the key who acts, and wait until the room knows each choice."""
    while (now := seen.get("who").input_value()) != who:
        seen.press("u")
        expect(seen.get("who")).not_to_have_value(now)


def test_somebody_sells_with_keys_alone_and_sees_it_everywhere(seen: Seen, cluster: Cluster) -> None:
    choose(seen, 1)
    seen.press("v")
    expect_said(seen, "1 × CAFE-SALA at matriz")
    seen.press("b")
    expect_said(seen, "returned at matriz")
    seen.press("+")
    expect_said(seen, "Receive matriz: done.")
    become(seen, "nobody")
    seen.press("v")
    expect_said(seen, "401")
    become(seen, "operador")
    seen.press("i")
    expect_said(seen, "operador logged in at matriz as operador")
    expect(seen.page.locator(".story")).to_contain_text("Sold by hand at matriz: 1 × CAFE-SALA, confirmed.")
    for record in records_of(cluster.run_dir, "op.invoke"):
        assert "password" not in str(record)


def test_every_number_on_the_map_is_what_the_nodes_say(seen: Seen, cluster: Cluster) -> None:
    choose(seen, 3)
    seen.press("s")
    expect(seen.get("node-filial-sul")).to_have_attribute("data-state", "stopped")
    choose_only(seen, 1)
    for _ in range(3):
        seen.press("v")
        expect_said(seen, "at matriz")
    told = cluster.status()["nodes"]

    def differences() -> list[str]:
        found = []
        for name in cluster.network.names:
            rights = seen.get(f"node-{name}").get_attribute("data-rights")
            known = told[name]["pending"]
            found += [
                f"{name} → {peer}: {seen.number(name, peer)}, not {count}"
                for peer, count in known.items()
                if seen.number(name, peer) != ("?" if count is None else str(count))
            ]
            if (told[name]["counts"] is None) != (rights == "?"):
                found.append(f"{name} shows rights {rights}")
        return found

    assert poll_blocking(differences, until=lambda found: not found, seconds=_SECONDS) == []
    assert int(seen.number("matriz", "filial-sul") or 0) > 0
    rows = seen.page.get_by_test_id("table-pending").locator("tbody tr").all_inner_texts()
    assert f"matriz\tfilial-sul\t{seen.number('matriz', 'filial-sul')}" in rows


def test_the_bands_are_those_of_the_log(seen: Seen, cluster: Cluster) -> None:
    choose(seen, 1, 2)
    seen.press("c")
    expect_said(seen, "Cut matriz – filial-norte: done.")
    expect(seen.get("link-matriz-filial-norte")).to_have_class("link cut ")
    seen.press("h")
    expect_said(seen, "HEAL: done.")

    def as_logged() -> bool:
        shown = {round(begin, 3) for begin, _ in seen.bands()}
        return logged_moments(cluster) <= shown

    assert poll_blocking(as_logged, seconds=_SECONDS), (seen.bands(), logged_moments(cluster))


def test_a_node_that_is_killed_by_others_is_unknown_and_comes_back_without_a_reload(
    seen: Seen, cluster: Cluster
) -> None:
    cluster.driver.kill("filial-norte")
    expect(seen.get("node-filial-norte")).to_have_attribute("data-state", "stopped")
    assert seen.number("filial-norte", "matriz") == "?"
    expect(seen.get("node-filial-norte")).to_contain_text("seen")
    expect(seen.page.locator(".story")).to_contain_text("filial-norte stopped: the nodes say so.")
    cluster.driver.start("filial-norte")
    expect(seen.get("node-filial-norte")).to_have_attribute("data-state", "running")
    expect(seen.get("link-filial-norte-matriz")).to_have_attribute("data-pending", "0")


def test_a_page_that_hears_nothing_says_so_and_recovers_by_itself(seen: Seen, room: Room) -> None:
    room.freeze()
    try:
        expect(seen.page.locator("#stale")).to_be_visible()
        expect(seen.page.locator("#stale")).to_contain_text("NO CONTACT")
    finally:
        room.go_on()
    expect(seen.page.locator("#stale")).to_be_hidden()


def test_the_verdict_has_a_word_for_each_promise(seen: Seen) -> None:
    choose(seen, 2)
    seen.press("v")
    expect(seen.get("verdict")).to_contain_text("PASS: all holds")
    for name in ("lost", "duplicated", "oversold", "rights", "converged", "authentic"):
        expect(seen.get(f"promise-{name}")).to_have_class("promise PASS")


def test_a_disk_is_wiped_only_when_its_name_is_typed(seen: Seen, cluster: Cluster) -> None:
    choose(seen, 2)
    seen.press("w")
    expect(seen.get("wipe-name")).to_be_focused()
    seen.page.keyboard.type("filial-sul")
    seen.get("confirm").press("Enter")
    seen.press("Escape")
    expect(seen.page.locator(".dialog")).to_have_count(0)
    assert not [one for one in records_of(cluster.run_dir, "fault.requested") if one["fault"] == "wipe"]


def test_a_load_runs_at_its_rate_until_it_is_stopped(seen: Seen, cluster: Cluster) -> None:
    seen.press("a")
    expect(seen.get("do-load")).to_have_attribute("aria-pressed", "true")
    expect(seen.get("table-orders")).to_contain_text("201 confirmed")
    refused = cluster.lab("load", "--users", "1", "--time", "1s", exit_code=2)
    assert "is being played" in refused
    seen.press("a")
    expect(seen.get("do-load")).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize(("theme", "language"), LOOKS)
def test_nothing_keeps_people_out_of_the_room(room: Room, seen: Seen, theme: str, language: str) -> None:
    page = seen.page.context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"http://127.0.0.1:{room.port}/room/?theme={theme}&lang={language}")
    expect(page.get_by_test_id("node-matriz")).to_have_attribute("data-state", "running")
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert_nothing_in_the_way(page)
    assert fits(page), "the page has to be scrolled"
    page.keyboard.press("?")
    expect(page.locator(".dialog")).to_be_visible()
    assert_nothing_in_the_way(page)
    page.keyboard.press("Escape")
    expect(page.locator(".dialog")).to_have_count(0)
    page.keyboard.press("m")
    expect(page.locator("svg.space-time")).to_be_visible()
    assert_nothing_in_the_way(page)
    assert fits(page), "the page with space and time has to be scrolled"
    page.keyboard.press("m")
    expect(page.locator("svg.space-time")).to_have_count(0)
    page.keyboard.press("f")
    expect(page.locator("body.projector")).to_have_count(1)
    assert_nothing_in_the_way(page)
    assert fits(page), "the page for a projector has to be scrolled"
    assert smallest_text(page) >= 24
    page.close()


needs_a_network = pytest.mark.skipif(address_here() is None, reason="this machine is in no network")


@needs_a_network
def test_thirty_phones_vote_at_once_and_the_teacher_sees_it(seen: Seen, room: Room, cluster: Cluster) -> None:
    seen.press("x")
    expect(seen.page.locator(".qr.large svg")).to_be_visible()
    seen.get("close").click()
    expect(seen.page.locator(".dialog")).to_have_count(0)
    seen.press("q")
    seen.get("ask-text").fill("How many are sold?")
    seen.get("ask-choices").fill("more than 10\n10\nfewer")
    seen.get("ask-open").click()
    expect(seen.page.locator(".story-panel")).to_contain_text("How many are sold?")
    Phones(room).vote()
    rows = seen.page.locator(".votes span")
    expect(rows.nth(2)).to_have_text("10")
    expect(rows.nth(5)).to_have_text("10")
    seen.press("q")
    expect(seen.page.locator(".story")).to_contain_text("Voting is over: 30 votes.")
    assert len(records_of(cluster.run_dir, "vote")) == PHONES


@needs_a_network
@pytest.mark.parametrize(("scheme", "language"), LOOKS)
def test_a_phone_shows_the_network_and_keeps_nobody_out(
    room: Room, chromium: Browser, scheme: str, language: str
) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]  # one of two
    phone = Seen(context.new_page())
    phone.page.goto(f"{room.audience}?lang={language}")
    expect(phone.page.locator("#nodes li")).to_have_count(3)
    expect(phone.page.locator("#verdict")).not_to_be_empty()
    assert_nothing_in_the_way(phone.page)
    assert (phone.hosts, phone.complaints) == ({"127.0.0.1"}, [])
    assert phone.page.goto(f"http://127.0.0.1:{room.port}/room/").status == 403  # type: ignore[union-attr]  # it answers
    context.close()


def test_the_door_keeps_nobody_out_that_may_come_in(room: Room, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(f"http://127.0.0.1:{room.port}/")
    expect(page.locator("h1")).to_be_visible()
    assert_nothing_in_the_way(page)
    page.close()


def test_a_recorded_run_is_seen_again_at_any_moment(
    seen: Seen, cluster: Cluster, chromium: Browser, tmp_path: Path
) -> None:
    copy = tmp_path / "recorded.jsonl"
    copy.write_bytes((cluster.run_dir / "run.jsonl").resolve().read_bytes())
    with open_room(tmp_path, str(copy), environment={**os.environ}) as replayed:
        again = open_seen(chromium, replayed.url)
        expect(again.get("mode")).to_have_text("REPLAY")
        assert again.get("heal").count() == 0
        again.get("scrub").fill("1.0")
        expect(again.get("clock")).to_have_text("00:01")
        again.page.locator("body").click(position={"x": 640, "y": 10})
        again.press("ArrowRight")
        expect(again.get("clock")).not_to_have_text("00:01")
        again.press(" ")
        expect(again.get("play")).to_have_text("Pause")
        assert_nothing_in_the_way(again.page)
        assert (again.hosts, again.complaints) == ({"127.0.0.1"}, [])
        again.page.close()
