"""Omi, the wearable: realtime transcripts, memories, day summaries, audio.

What Omi reads back (https://docs.omi.me/doc/developer/apps/Integrations): the status must be
exactly 200 and the body a JSON object; a `message` of more than five characters is pushed to
the phone. So an answer is `{}` unless there is a real reply.
"""

from conversations.voice import intake
from webhooks.inbox.provider import Provider
from webhooks.providers.omi.handler import handle_many
from webhooks.providers.omi.protocol import check, is_signed, parse, respond, verify
from webhooks.providers.omi.samples import first, samples
from webhooks.providers.omi.shared import place

OMI = Provider(
    name="omi",
    label="Omi",
    icon="mic",
    content_types=("application/json", "application/octet-stream"),
    is_signed=is_signed,
    verify=verify,
    parse=parse,
    handle_many=handle_many,
    respond=respond,
    check=check,
    first=first,
    samples=samples,
    attention=intake.ATTENTION,
    place=place,
    gives_up="Omi switches a developer webhook off after 100 failures in a row.",
    gives_up_after=100,
)
