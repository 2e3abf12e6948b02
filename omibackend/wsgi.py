import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omibackend.settings")
django.setup(set_prefix=False)

# What is loaded now lives as long as the process. Walking it at each collection is what the
# slowest answers under load waited for.
from django.urls import get_resolver  # noqa: E402 (the applications must be loaded)

from webhooks.inbox.fast_path.handler import Handler  # noqa: E402

application = Handler()
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
