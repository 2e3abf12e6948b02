import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.test import Client, TestCase, TransactionTestCase, override_settings
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from omibackend.accounts.models import Token
from omibackend.accounts.preferences import forget_recent
from omibackend.core.postgres import locks
from omibackend.core.redis import soft_redis
from omibackend.core.work import draining
from tests.emg.uploads import Bucket
from tests.sender import Sender
from webhooks.inbox import authentication
from webhooks.inbox.endpoints import create
from webhooks.models import Endpoint
from webhooks.providers.omi import shared
from webhooks.providers.storage.responses import Rest

# A machine that runs several tests at once may keep Redis waiting for longer than a sender may be.
soft_redis.TIMEOUT_S = 2.0

locks.Order.checked = True

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences"}
PAYLOADS = Path(__file__).parent / "payloads"
# Real processes, large files, hundreds of examples: CI runs these once.
SLOW = (
    *("faults/", "core/test_engines.py", "core/test_supervisor.py", "memories/test_semantic.py"),
    *("ops/test_up.py", "ops/test_lanes.py", "emg/test_c3d_recordings.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        name = item.path.relative_to(PAYLOADS.parent).as_posix()
        if name.startswith(SLOW) or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.slow)


def pytest_configure() -> None:
    """A shell starts what runs in its background deaf to these, and so would be the processes
    that tests send them to."""
    for signum, usual in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(signum) is signal.SIG_IGN:
            signal.signal(signum, usual)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """To make and to drop a database may take a busy machine longer than a request may, and so
    may a sender's INSERT there."""
    for alias, timeout_ms in (("default", 300_000), ("ingest", 30_000)):
        options = connections[alias].settings_dict["OPTIONS"]
        options["options"] += f" -c statement_timeout={timeout_ms}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """A test that commits leaves its rows to be deleted: a tenth of what Django's own flush takes,
    which truncates every table and makes all permissions anew. What migrations filled stays."""
    deletions = ["SET LOCAL session_replication_role = replica"]
    with django_db_blocker.unblock(), connections["default"].cursor() as cursor:
        for table in connections["default"].introspection.table_names(cursor):
            cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}")')  # noqa: S608
            if not cursor.fetchone()[0]:
                deletions.append(f'DELETE FROM "{table}"')  # noqa: S608

    def empty(_: TransactionTestCase) -> None:
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute("; ".join(deletions))

    TransactionTestCase._fixture_teardown = empty  # type: ignore[attr-defined]
    TransactionTestCase.databases, TestCase.databases = {"default", "ingest"}, {"default"}


def payload(name: str) -> Any:
    """`omi/memory_created__full` -> the recorded or documented body."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())


@pytest.fixture(scope="session", autouse=True)
def _plain_static_files() -> Iterator[None]:
    """Pages render without `collectstatic`. Overridden, so that a storage made before forgets."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
        yield


@contextmanager
def folded() -> Iterator[None]:
    """One connection for both aliases."""
    own = connections["ingest"]
    connections["ingest"] = connections["default"]
    try:
        yield
    finally:
        connections["ingest"] = own


@contextmanager
def undone() -> Iterator[None]:
    """A transaction of the test's around several of the product's, rolled back after them."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with folded(), block:
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _clean(request: pytest.FixtureRequest) -> Iterator[None]:
    """An empty Redis and empty process caches. A test inside one transaction has one connection
    for both aliases: the other would see nothing of it. Whoever has a sender has both."""
    authentication.cache.clear()
    shared.cache.clear()
    forget_recent()
    soft_redis.breaker.reset()
    wanted = DATABASE_FIXTURES & set(request.fixturenames)
    if request.node.get_closest_marker("django_db"):
        wanted.add("_django_db_helper")
    if not wanted:
        yield
        return
    for name in wanted:
        request.getfixturevalue(name)
    soft_redis.client().flushdb()
    if not connections["default"].in_atomic_block:
        yield
        return
    with folded():
        yield


@pytest.fixture
def owner(db: None) -> Any:
    return get_user_model().objects.create_user("nadia@example.org", "a long enough passphrase")


@pytest.fixture
def staff(db: None) -> Any:
    return get_user_model().objects.create_superuser("staff@example.org", "a long passphrase too")


@pytest.fixture
def api() -> Callable[..., APIClient]:
    """A client signed in as a person, with a device's token or one of these scopes."""

    def of(user: Any = None, scopes: list[str] | None = None) -> APIClient:
        client = APIClient()
        if user:
            _, token = Token.objects.create(user, scopes=scopes)
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return of


@pytest.fixture
def omi(transactional_db: None, owner: Any) -> Sender:
    """Omi, posting to an endpoint of the owner's."""
    endpoint = Endpoint(owner=owner, provider="omi", name="Nadia's Omi")
    return Sender(Client(), endpoint, str(create(endpoint).token))


@pytest.fixture
def bucket(transactional_db: None, owner: Any, settings: Any, tmp_path: Path) -> Bucket:
    """A storage bucket that tells an endpoint of the owner's, and an empty store."""
    settings.MEDIA_ROOT = tmp_path
    Rest.until = 0.0
    endpoint = Endpoint(owner=owner, provider="storage", name="Nadia's bucket")
    return Bucket(Sender(Client(), endpoint, str(create(endpoint).token)), tmp_path)


def work(*lanes: str) -> None:
    """What the workers would do: each lane drained, without waiting for RQ."""
    for lane in lanes or ("inbox", "ai"):
        draining.drain(lane)
