"""The pages in a real Chromium: no console error, no violation, no other host, no overflow."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    sync_playwright,
)

from conversations.models import OmiSession, Question, TranscriptSegment
from memories.models import ActionItem, Memory
from omibackend.core.errors import Refused
from omibackend.core.work.effects import Change, Effect
from omibackend.prompts.models import PromptRun, PromptTemplate
from tests.conftest import PAYLOADS
from tests.webhooks.stored import dead, stored
from webhooks.inbox import refusals
from webhooks.inbox.endpoints import create, rotate
from webhooks.models import Delivery, Endpoint

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
WAIT_MS, SETTLED_MS = 10_000, 60
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None and "CI" not in os.environ:
        pytest.skip("no Chromium here")
    assert CHROMIUM, "these tests need Chromium"
    # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Visit:
    """A logged-in browser that remembers everything a page should not do."""

    context: BrowserContext
    base: str
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        page = self.context.new_page()
        page.add_init_script("localStorage.adminTheme ??= '\"light\"'")
        page.set_default_timeout(WAIT_MS)
        page.on("console", self.listen)
        page.on("pageerror", lambda error: self.add(str(error)))
        page.on("request", lambda request: self.check(request.url))
        answer = page.goto(self.base + path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        return page

    def listen(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.add(said.text)

    def add(self, text: str) -> None:
        self.wrong.append(text)

    def check(self, url: str) -> None:
        if not url.startswith((self.base, "data:")):
            self.add(f"another host: {url}")


@pytest.fixture
def visit(browser: Browser, live_server: Any, staff: Any) -> Iterator[Callable[..., Visit]]:
    opened: list[Visit] = []

    def begin(**options: Any) -> Visit:
        client = Client()
        client.force_login(staff)
        context = browser.new_context(**{"viewport": WIDE, **options})
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
        )
        opened.append(Visit(context, live_server.url))
        return opened[-1]

    yield begin
    for one in opened:
        one.context.close()


@dataclass(frozen=True)
class Cast:
    delivery: Delivery
    endpoint: Endpoint
    session: OmiSession
    memory: Memory
    run: PromptRun


@pytest.fixture
def cast(owner: Any) -> Cast:
    """One of everything that a page may show, the awkward ones first."""
    endpoint = Endpoint(owner=owner, provider="omi", name="Nadia's Omi", secret="whsec_one")
    create(endpoint)
    rotate(endpoint, secret="whsec_two")
    endpoint.refresh_from_db()
    body = (PAYLOADS / "omi" / "memory_created__full.json").read_bytes()
    log = [{"at": "2026-11-21T17:36:38+00:00", "ms": 58, "error": "Away. " * 40, "wait_s": 5}] * 7
    headers = {"authorization": "••••9fQ2", "user-agent": "x" * 300}
    delivery = dead(endpoint, body=body, headers=headers, attempt_log=log, dedup_key="k" * 200)
    for minutes in range(0, 1400, 45):
        stored(endpoint, at=timezone.now() - timedelta(minutes=minutes))
    for _ in range(30):
        refusals.note(endpoint.pk, Refused(401, "wrong_signature", "Refused: too old."), None)
    memory = _memory(owner, delivery)
    return Cast(delivery, endpoint, _session(owner, delivery), memory, _run(owner, memory))


def _run(owner: Any, memory: Memory) -> PromptRun:
    prompt = PromptTemplate.objects.create(
        name="What is due" * 8, trigger="memory_created", prompt="{memory.text}", output="message"
    )
    return PromptRun.objects.create(
        *(),
        template=prompt,
        person=owner,
        cause=f"memory:{memory.pk}:{'0' * 16}",
        subject_id=memory.pk,
        delivery_id=memory.delivery_id,
        day=timezone.now().date(),
        state="done",
        outcome="made",
        rendered="What is due? " + "x" * 300,
        answer="The deposit, on Friday.\n\n" + "y" * 200,
        effects=[Effect.on("memory", memory.pk, Change.CREATED)],
        attempt_log=[{"at": "2026-11-21T17:36:38+00:00", "ms": 1900}],
        model="gpt-5-mini-2025-08-07",
        tokens_in=2100,
        tokens_out=80,
        cost=Decimal("0.000685"),
        took_ms=1900,
        finished_at=timezone.now(),
    )


def _session(owner: Any, delivery: Delivery) -> OmiSession:
    now = timezone.now()
    session = OmiSession.objects.create(
        *(),
        owner=owner,
        uid="WLD5vrGKpaNv1tQ8hZ3Yc2mX4Jb1",
        title="Kitchen, about the venue",
        started_at=now,
        first_received_at=now,
        last_received_at=now,
        min_start_s=396,
        max_end_s=560,
        segment_count=3,
    )
    lines = [
        (396, "You", True, "Did you ever hear back?"),
        (401, "Sarah", False, "Pneumonoultramicroscopicsilicovolcanoconiosis" * 4),
        (545, "You", True, "So it is due on Friday. Hey Omi, what did Sarah say?"),
    ]
    for number, (start_s, name, is_user, text) in enumerate(lines):
        TranscriptSegment.objects.create(
            *(),
            session=session,
            key=f"k{number}",
            text=text,
            speaker_name=name,
            is_user=is_user,
            start_s=start_s,
            end_s=start_s + 3,
            received_at=now,
            delivery_id=delivery.pk,
        )
    Question.objects.create(
        *(),
        owner=owner,
        uid=session.uid,
        session=session,
        trigger_key="k2:31",
        segment_keys=["k2"],
        text="what did Sarah say?",
        asked_at=now,
        closes_at=now,
        closed=True,
        delivery_id=delivery.pk,
        answer="She said Tuesday.",
        channel="inline",
        took_ms=1900,
        state="done",
    )
    return session


def _memory(owner: Any, delivery: Delivery) -> Memory:
    memory = Memory.objects.create(
        *(),
        owner=owner,
        kind="conversation",
        source="omi",
        source_id="conv-1",
        title="Wedding Venue Deposit",
        text="You agreed.\n\nPay by Friday.",
        emoji="\U0001f492",
        category="family",
        quote="It is due on Friday.",
        occurred_at=timezone.now(),
        content_hash="1",
        delivery_id=delivery.pk,
    )
    ActionItem.objects.create(
        memory=memory, owner=owner, description="Pay the deposit", description_hash="1"
    )
    return memory


PAGES = {
    "home": "",
    "deliveries": "webhooks/delivery/?when=day&state=failed",
    "delivery": "webhooks/delivery/{cast.delivery.pk}/change/",
    "replay": "webhooks/delivery/replay/?state=dead",
    "endpoints": "webhooks/endpoint/",
    "endpoint": "webhooks/endpoint/{cast.endpoint.pk}/change/",
    "new endpoint": "webhooks/endpoint/add/",
    "sessions": "conversations/omisession/",
    "session": "conversations/omisession/{cast.session.pk}/change/",
    "memories": "memories/memory/",
    "memory": "memories/memory/{cast.memory.pk}/change/",
    "action items": "memories/actionitem/",
    "prompts": "prompts/prompttemplate/",
    "prompt": "prompts/prompttemplate/{cast.run.template_id}/change/",
    "trying a prompt": "prompts/prompttemplate/{cast.run.template_id}/try/",
    "runs": "prompts/promptrun/",
    "run": "prompts/promptrun/{cast.run.pk}/change/",
    "users": "accounts/user/",
    "queues": "django_rq/dashboard/",
    "API docs": "../api/docs/",
}


def address(name: str, cast: Cast) -> str:
    return f"/admin/{PAGES[name].format(cast=cast)}"


@pytest.mark.parametrize("name", PAGES)
def test_it_behaves_wide_and_narrow_light_and_dark(
    visit: Callable[..., Visit], cast: Cast, name: str
) -> None:
    seen = visit()
    page = seen.open(address(name, cast))
    page.wait_for_selector("html:not([x-cloak])", state="attached")
    for scheme in ("light", "dark"):
        if page.locator("#nav-sidebar").count():
            assert page.evaluate("document.documentElement.className") == scheme
        for viewport in (WIDE, PHONE):
            page.set_viewport_size(viewport)
            page.wait_for_timeout(SETTLED_MS)
            assert page.evaluate(OVERFLOW) <= 0
        page.keyboard.press("Control+e")  # unfold's own switch
    assert seen.wrong == []


def test_it_behaves_before_anything_has_come(visit: Callable[..., Visit]) -> None:
    seen = visit()
    page = seen.open("/admin/")
    assert page.get_by_text("Nothing has come in yet").is_visible()
    page.set_viewport_size(PHONE)
    assert page.evaluate(OVERFLOW) <= 0
    assert seen.wrong == []


def test_it_logs_in(browser: Browser, live_server: Any, staff: Any) -> None:
    context = browser.new_context(viewport=PHONE)
    seen = Visit(context, live_server.url)
    page = seen.open("/admin/login/")
    page.fill("#id_username", staff.email)
    page.fill("#id_password", "a long passphrase too")
    page.click("button[type=submit]")
    page.wait_for_url(f"{live_server.url}/admin/")
    assert seen.wrong == []
    context.close()


def test_it_replays_through_the_dialog(visit: Callable[..., Visit], cast: Cast) -> None:
    seen = visit()
    page = seen.open(address("delivery", cast))
    page.get_by_role("link", name="Replay").click()
    page.get_by_text("Replay this delivery?").wait_for()
    cast.delivery.refresh_from_db()
    assert cast.delivery.state == "dead"
    page.locator("#dialog button[type=submit]").click()
    page.get_by_text("1 delivery will be worked again.").wait_for()
    assert page.get_by_text("Stored, waiting for a worker.").is_visible()
    cast.delivery.refresh_from_db()
    assert (cast.delivery.state, cast.delivery.attempts) == ("pending", 0)
    assert seen.wrong == []


def test_it_shows_a_rotated_secret_in_the_dialog(visit: Callable[..., Visit], cast: Cast) -> None:
    seen = visit()
    page = seen.open(address("endpoint", cast))
    page.get_by_role("link", name="Rotate secret").click()
    page.get_by_text("Rotate the signing secret?").wait_for()
    page.locator("#dialog button[type=submit]").click()
    page.get_by_text("The secret is rotated").wait_for()
    cast.endpoint.refresh_from_db()
    assert page.locator("#once-1").text_content() == cast.endpoint.secret
    page.get_by_role("link", name="I have kept it").click()
    page.wait_for_load_state()
    assert cast.endpoint.secret not in page.content()
    assert seen.wrong == []


def test_it_copies_the_bytes_as_they_are_stored(visit: Callable[..., Visit], cast: Cast) -> None:
    seen = visit(permissions=["clipboard-read", "clipboard-write"])
    page = seen.open(address("delivery", cast))
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == cast.delivery.raw().decode()
    assert seen.wrong == []


def test_it_replays_the_selected_rows(visit: Callable[..., Visit], cast: Cast) -> None:
    seen = visit()
    page = seen.open(address("deliveries", cast))
    page.locator("tbody input.action-select").first.check()
    page.select_option("select[name=action]", "replay_selected")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("1 delivery will be worked again.").wait_for()
    assert not Delivery.objects.filter(state="dead").exists()
    assert seen.wrong == []


def test_it_opens_the_palette_and_the_filters(visit: Callable[..., Visit], cast: Cast) -> None:
    seen = visit()
    page = seen.open("/admin/webhooks/delivery/")
    page.get_by_text("Filters", exact=False).first.click()
    page.locator("#changelist-filter").wait_for(state="visible")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.locator("#search-input-command").wait_for(state="visible")
    page.locator("#search-input-command").press_sequentially("nadia")
    page.get_by_text("Endpoint, omi").wait_for()
    assert seen.wrong == []


def test_it_shows_everything_without_scripts(visit: Callable[..., Visit], cast: Cast) -> None:
    seen = visit(java_script_enabled=False)
    for name in ("home", "delivery", "session"):
        page = seen.open(address(name, cast))
        assert page.locator("main.ob").is_visible()
        assert page.locator("#nav-sidebar").is_visible()
        assert page.locator(".ob-js").first.is_hidden() or not page.locator(".ob-js").count()
    assert seen.wrong == []


def test_it_replays_without_scripts(visit: Callable[..., Visit], cast: Cast) -> None:
    seen = visit(java_script_enabled=False)
    page = seen.open(address("delivery", cast))
    page.get_by_role("link", name="Replay").click()
    page.get_by_role("button", name="Replay").click()
    page.get_by_text("1 delivery will be worked again.").wait_for()
    assert seen.wrong == []
