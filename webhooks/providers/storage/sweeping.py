"""Files in a bucket whose webhook never came: each becomes a delivery, stored and worked as one."""

from collections import Counter
from collections.abc import Iterator

import orjson

from emg.models import Recording
from emg.storage import BadName, ListedObject, ObjectName
from omibackend.core.work.leased import LIVE
from webhooks.inbox.receiver import store_own
from webhooks.models import Delivery, Endpoint
from webhooks.providers.storage import STORAGE

FOUND, KNOWN, BAD_NAME = "told of now", "already here", "with a name that is not read"


def sweep(
    listed: Iterator[ListedObject], *, bucket: str, endpoint: Endpoint, dry_run: bool
) -> Iterator[Counter[str]]:
    """Counts so far, after each C3D file. Run again it finds nothing new."""
    counts: Counter[str] = Counter()
    for item in listed:
        if not item.path.lower().endswith(".c3d"):
            continue
        try:
            name = ObjectName.of(bucket, item.path)
        except BadName:
            counts[BAD_NAME] += 1
        else:
            counts[_told(name, item, endpoint, dry_run=dry_run)] += 1
        yield counts


def _told(name: ObjectName, item: ListedObject, endpoint: Endpoint, *, dry_run: bool) -> str:
    rows = Recording.objects.filter(
        owner=endpoint.owner_id, bucket=name.bucket, object_path=name.path
    )
    # Read in this very form, or waiting to be read.
    if rows.filter(etag=item.found.etag).exists() or rows.filter(state__in=LIVE).exists():
        return KNOWN
    # Given up before it could be read: told of again, once for each time that it was.
    given_up = rows.order_by("-id").values_list("attempt_log", flat=True).first()
    key = f"sweep:{name}:{item.found.etag}:{len(given_up or ())}"
    if dry_run:
        is_told = Delivery.objects.filter(endpoint=endpoint, dedup_key=key).exists()
        return KNOWN if is_told else FOUND
    return FOUND if _deliver(name, key, endpoint) else KNOWN


def _deliver(name: ObjectName, key: str, endpoint: Endpoint) -> bool:
    """False: it is on its way already."""
    body = orjson.dumps({"bucket": name.bucket, "object_path": name.path})
    return store_own(endpoint, body, key=key, provider=STORAGE, dialect="plain").fresh
