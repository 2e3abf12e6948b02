"""Omi, the wearable: realtime transcripts, memories, day summaries, audio.

What Omi reads back (https://docs.omi.me/doc/developer/apps/Integrations): the status must be
exactly 200 and the body a JSON object; a `message` of more than five characters is pushed to
the phone. So an answer is `{}` unless there is a real reply.
"""

from conversations.voice import intake
from webhooks.inbox.provider import Provider
from webhooks.providers.omi.handler import handle_many
from webhooks.providers.omi.protocol import WEBHOOK
from webhooks.providers.omi.samples import first
from webhooks.providers.omi.shared import place

OMI = Provider(
    name="omi",
    label="Omi",
    icon="mic",
    dialects=(WEBHOOK,),
    handle_many=handle_many,
    # Omi's "Setup completed" URL.
    check=b'{"is_setup_completed":true}',
    first=first,
    attention=intake.ATTENTION,
    place=place,
    gives_up="Omi switches a developer webhook off after 100 failures in a row.",
    gives_up_after=100,
)
