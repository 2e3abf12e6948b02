"""Storage buckets that tell of uploaded C3D files: Supabase, S3, MinIO, or a line of JSON.

Sources: https://supabase.com/docs/guides/database/webhooks (not signed, never sent again: a header
of one's own is all the proof there is), https://docs.aws.amazon.com/AmazonS3/latest/userguide/
notification-content-structure.html and MinIO's webhook target.
"""

from dataclasses import replace

from webhooks.inbox.provider import Provider
from webhooks.providers.storage.handler import handle_many
from webhooks.providers.storage.payloads import StorageSettings
from webhooks.providers.storage.protocol import dialects
from webhooks.providers.storage.responses import respond, respond_when_analysed
from webhooks.providers.storage.samples import first

STORAGE = Provider(
    name="storage",
    label="Storage",
    icon="folder_open",
    staff_only=True,
    dialects=dialects(respond),
    settings=StorageSettings,
    handle_many=handle_many,
    check=b'{"ok":true}',
    first=first,
    gives_up="Supabase sends each event once and never again: `sweep_bucket` finds what it missed.",
)
# The same deliveries; only the answer comes later.
STORAGE_WAITING = replace(STORAGE, dialects=dialects(respond_when_analysed))
