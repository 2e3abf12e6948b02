"""The pages of recordings in a real Chromium, with files of our own through the real job."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page

from emg.models import Recording, ScoringProfile
from emg.recordings import scoring
from emg.recordings.scoring import default_profile
from tests import test_pages
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import BUCKET, Bucket
from tests.test_pages import OVERFLOW, PHONE, SETTLED_MS, WIDE, Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

browser = test_pages.browser
visit = test_pages.visit
PLAIN = payload("storage/plain__object")
Open = Callable[..., Visit]


@dataclass(frozen=True)
class Cast:
    scored: Recording
    failed: Recording
    waiting: Recording
    profile: ScoringProfile


def taken_in(bucket: Bucket, path: str, content: Any) -> Recording:
    if content is not None:
        bucket.put(content, path)
    bucket.tell({**PLAIN, "object_path": path})
    work("inbox")
    return Recording.objects.get(object_path=path)


def fresh(recording: Recording) -> Recording:
    return Recording.objects.get(pk=recording.pk)


@pytest.fixture
def cast(bucket: Bucket) -> Cast:
    """One of every kind, and three sessions of one patient."""
    names = [f"P039/P039S00{number}/Emg_2023032{number}_10-00-00.c3d" for number in (1, 2, 3)]
    sessions = [taken_in(bucket, name, emg_file(seed=seed)) for seed, name in enumerate(names)]
    whole = emg_file(seconds=4).encoded()
    failed = taken_in(bucket, "P040/P040S001/cut.c3d", whole[: len(whole) // 2])
    waiting = taken_in(bucket, "P041/P041S001/later.c3d", None)
    work("emg")
    for each, rpe in zip(sessions, (3, 4, 6), strict=True):
        scoring.rescore(each, {"rpe": rpe, "targets": {"*": {"contractions": 2}}})
    return Cast(fresh(sessions[-1]), fresh(failed), fresh(waiting), default_profile())


PAGES = {
    "recordings": "/admin/emg/recording/",
    "recording": "/admin/emg/recording/{cast.scored.pk}/change/",
    "failed": "/admin/emg/recording/{cast.failed.pk}/change/",
    "waiting": "/admin/emg/recording/{cast.waiting.pk}/change/",
    "over time": "/admin/emg/recording/{cast.scored.pk}/over-time/",
    "score again": "/admin/emg/recording/{cast.scored.pk}/rescore/",
    "profiles": "/admin/emg/scoringprofile/",
    "profile": "/admin/emg/scoringprofile/{cast.profile.pk}/change/",
    "owner's": "/emg/sessions/{cast.scored.pk}/view",
    "owner's over time": "/emg/sessions/{cast.scored.pk}/over-time",
}


def address(name: str, cast: Cast) -> str:
    return PAGES[name].format(cast=cast)


def drawn(page: Page) -> Page:
    page.locator(".ob-plot canvas").wait_for(state="visible")
    page.get_by_text("every peak kept").wait_for()
    return page


def reading(page: Page) -> str:
    return page.locator("[data-reading]").inner_text()


@pytest.mark.parametrize("name", PAGES)
def test_it_behaves_wide_and_narrow_light_and_dark(visit: Open, cast: Cast, name: str) -> None:
    for scheme in ("light", "dark"):
        seen = visit(color_scheme=scheme)
        seen.context.add_init_script(f"localStorage.adminTheme = '\"{scheme}\"'")
        page = seen.open(address(name, cast))
        page.wait_for_selector("html:not([x-cloak])", state="attached")
        if page.locator("[data-emg]").count():
            drawn(page)
        assert ("dark" in page.evaluate("document.documentElement.className")) is (scheme == "dark")
        for viewport in (WIDE, PHONE):
            page.set_viewport_size(viewport)
            page.wait_for_timeout(SETTLED_MS)
            assert page.evaluate(OVERFLOW) <= 0
        assert seen.wrong == []


def test_it_zooms_by_buttons_and_keys(visit: Open, cast: Cast) -> None:
    seen = visit()
    page = drawn(seen.open(address("recording", cast)))
    assert reading(page).startswith("0.00–12.00 s")
    page.get_by_label("Closer").click()
    page.get_by_text("3.00–9.00 s").wait_for()
    page.locator(".ob-plot").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("4.50–10.50 s").wait_for()
    page.keyboard.press("0")
    page.get_by_text("0.00–12.00 s").wait_for()
    assert seen.wrong == []


def test_it_asks_only_for_what_is_looked_at(visit: Open, cast: Cast) -> None:
    seen = visit()
    page = drawn(seen.open(address("recording", cast)))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_role("button", name="Right 2").click()
    page.get_by_text(re.compile(r"^3\.[78]\d–8\.[12]\d s")).wait_for()
    # The other is the minimap's, which is of the whole session.
    (asked,) = [urlparse(url) for url in requests if "points=800" not in url]
    assert asked.path.endswith("/CH2%20Raw")
    start, end = (float(parse_qs(asked.query)[name][0]) for name in ("start", "end"))
    assert 3 < start < 5
    assert 7 < end < 9
    assert page.locator("[data-channel='1']").get_attribute("aria-pressed") == "true"
    assert seen.wrong == []


def test_it_zooms_by_dragging_and_tells_values(visit: Open, cast: Cast) -> None:
    seen = visit()
    page = drawn(seen.open(address("recording", cast)))
    box = page.locator(".ob-plot").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    assert "µV" in page.locator("[data-hover]").inner_text()
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=4)
    page.mouse.up()
    page.wait_for_function(
        "!document.querySelector('[data-reading]').textContent.startsWith('0.0')"
    )
    low, high = (float(part) for part in reading(page).split(" ")[0].split("–"))
    assert 2.5 < low < 4
    assert 5 < high < 6.5
    assert seen.wrong == []


def test_it_says_why_a_signal_cannot_be_shown(visit: Open, cast: Cast, bucket: Bucket) -> None:
    (bucket.root / BUCKET / cast.scored.object_path).unlink()
    seen = visit()
    page = seen.open(address("recording", cast))
    page.locator("[data-trouble]").wait_for(state="visible")
    assert "not in the store" in page.locator("[data-trouble]").inner_text()
    assert page.locator(".ob-first svg").is_visible()  # what is stored is still there


def test_it_shows_everything_without_scripts(visit: Open, cast: Cast) -> None:
    seen = visit(java_script_enabled=False)
    for name in ("recording", "owner's"):
        page = seen.open(address(name, cast))
        assert page.locator(".ob-picture").count() == 2
        assert page.locator(".ob-js").first.is_hidden()
        assert page.get_by_text("mean of left").is_visible()
    for name in ("over time", "recordings"):
        assert seen.open(address(name, cast)).get_by_text("P039S001").is_visible()
    assert seen.wrong == []


def test_it_scores_again_without_scripts(visit: Open, cast: Cast) -> None:
    seen = visit(java_script_enabled=False)
    page = seen.open(address("score again", cast))
    page.fill("#id_rpe", "9")
    page.fill("#id_left_contractions", "6")
    page.get_by_role("button", name="Score again").click()
    page.get_by_text("Scored again:").wait_for()
    saved = fresh(cast.scored)
    assert (saved.rpe, saved.own_targets("CH1 Raw")["contractions"]) == (9, 6)
    assert saved.own_targets("CH2 Raw") == {"contractions": 2}
    assert seen.wrong == []


def test_it_analyses_again_through_the_dialog(visit: Open, cast: Cast) -> None:
    seen = visit()
    page = drawn(seen.open(address("recording", cast)))
    page.locator("a:has-text('more_vert')").click()
    page.get_by_role("link", name="Analyse again").click()
    page.locator("#dialog button[type=submit]").click()
    page.get_by_text("1 recording will be analysed again.").wait_for()
    assert page.get_by_text("Waiting to be analysed.").is_visible()
    assert seen.wrong == []


def test_it_reloads_while_work_is_under_way(visit: Open, cast: Cast, bucket: Bucket) -> None:
    seen = visit()
    page = seen.open(address("waiting", cast))
    assert page.get_by_text("Will be tried again").is_visible()
    bucket.put(emg_file(), cast.waiting.object_path)
    Recording.objects.filter(pk=cast.waiting.pk).update(next_attempt_at=cast.waiting.created_at)
    work("emg")
    page.locator(".ob-plot canvas").wait_for(state="visible")
    assert seen.wrong == []
