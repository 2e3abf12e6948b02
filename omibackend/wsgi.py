import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omibackend.settings")
application = get_wsgi_application()

# What is loaded now lives as long as the process. Walking it at each collection is what the
# slowest answers under load waited for.
from django.urls import get_resolver  # noqa: E402 (the applications must be loaded)

_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
