"""The environment: nonsense is refused by name, and each name stands in `.env.example`."""

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
DATABASE = {"DATABASE_URL": "postgresql://u@h/d", "REDIS_URL": "redis://h"}


def check(**changed: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.defpath, "VAR_DIR": str(settings.VAR_DIR), **DATABASE, **changed}
    return subprocess.run(
        [sys.executable, "-c", "import omibackend.settings"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("DEBUG", "perhaps"),
        ("MAX_REQUEST_SIZE", "much"),
        ("LOG_LEVEL", "LOUD"),
        ("REDIS_URL", "http://h"),
        ("DATABASE_URL", "mysql://h/d"),
        ("SECRET_KEY", "short"),
        ("QUEUE_BATCH_SIZE", "0"),
        ("OMI_REPLY_BUDGET_MS", "-1"),
        ("OPENAI_BASE_URL", "ftp://h"),
    ],
)
def test_it_refuses_nonsense_by_name(name: str, value: str) -> None:
    done = check(**{name: value})
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert name in last


def test_it_takes_the_defaults() -> None:
    assert check().returncode == 0


def test_it_takes_a_copy_of_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    empty = re.findall(r"^([A-Z0-9_]+)=$", example, re.MULTILINE)
    assert check(**dict.fromkeys(set(empty) - set(DATABASE), "")).returncode == 0


def test_it_reads_the_older_name_of_a_switch() -> None:
    code = "import omibackend.settings as s; print(s.ENABLE_BACKGROUND_JOBS)"
    env = {"PATH": os.defpath, "VAR_DIR": str(settings.VAR_DIR), **DATABASE}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env={**env, "ENABLE_BACKGROUND_QUEUE": "off"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "False"


def test_it_lists_every_name_and_no_other() -> None:
    source = (ROOT / "omibackend" / "settings.py").read_text()
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z0-9_]+)\"", source))
    for together in re.findall(r"env\.together\(([^)]*)\)", source):
        read |= set(re.findall(r"\"([A-Z0-9_]+)\"", together))
    listed = set(re.findall(r"^([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read == listed


def test_it_reads_every_setting_it_defines() -> None:
    """No switch that nobody reads: our own settings are used somewhere below the project."""
    source = (ROOT / "omibackend" / "settings.py").read_text()
    ours = set(re.findall(r"^([A-Z][A-Z0-9_]+) = env\.", source, re.MULTILINE))
    django_reads = {"ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SECRET_KEY_FALLBACKS", "DEBUG"}
    folders = ("omibackend", "webhooks", "conversations", "memories", "emg")
    code = "\n".join(p.read_text() for folder in folders for p in (ROOT / folder).rglob("*.py"))
    unread = {name for name in ours - django_reads if len(re.findall(rf"\b{name}\b", code)) < 2}
    assert unread == set()
