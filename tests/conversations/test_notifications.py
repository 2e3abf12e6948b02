"""Late answers go out as every outbox's messages do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Notification, Question
from conversations.voice import jobs
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work.outbox import Outbox
from tests.core.outbox_contract import OutboxContract, Wire


class TestNotifications(OutboxContract):
    def outbox(self, wire: Wire) -> Outbox[Any]:
        return Outbox(
            Notification,
            send=wire.send,
            settled=jobs.OUTBOX.settled,
            spacing=timedelta(seconds=30),
            resolve=wire.resolve,
        )

    @pytest.fixture
    def fields(self, owner: Any) -> Callable[[], dict[str, Any]]:
        def of_a_question() -> dict[str, Any]:
            now = timezone.now()
            question = Question.objects.create(
                owner=owner,
                uid="a-wearable",
                trigger_key=uuid7().hex,
                asked_at=now,
                closes_at=now,
                delivery_id=uuid7(),
            )
            return {"question": question, "owner": owner, "uid": question.uid, "text": "Tuesday."}

        return of_a_question
