"""What a process carries that has nothing to do yet."""

import subprocess
import sys

from django.conf import settings

HEAVY = ("scipy", "numpy", "boto3", "botocore", "reportlab", "openai", "ezc3d")
LOADED = f"""
import sys, django
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
import omibackend.cron
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_it_loads_nothing_heavy_before_it_is_used() -> None:
    argv = [sys.executable, "-c", LOADED]
    done = subprocess.run(argv, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
