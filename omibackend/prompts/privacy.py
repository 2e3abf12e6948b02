"""What a run says of a row is forgotten with the row."""

from typing import Any
from uuid import UUID

from django.db import models
from django.db.models.signals import post_delete

from conversations.models import Message, OmiSession
from memories.models import ActionItem, Memory
from omibackend.prompts.models import PromptRun

FORGOTTEN: tuple[type[models.Model], ...] = (Memory, ActionItem, OmiSession, Message)


def connect() -> None:
    for model in FORGOTTEN:
        post_delete.connect(_deleted, sender=model, dispatch_uid="prompts.privacy")


def _deleted(instance: Any, using: str, **_: Any) -> None:
    forget_words_about(instance.pk, using=using)


def forget_words_about(pk: UUID, *, using: str = "default") -> None:
    PromptRun.objects.using(using).filter(about__contains=[pk]).update(rendered="", answer="")
