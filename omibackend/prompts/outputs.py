"""What a model's answer becomes: a memory, action items, or a message."""

from datetime import UTC, datetime
from typing import Annotated

from django.utils import timezone
from pydantic import AfterValidator, BaseModel, Field

from conversations.assistant.turns import tell
from conversations.models import Message
from memories.models import MemoryKind
from memories.saving.incoming import IncomingActionItem, IncomingMemory
from memories.saving.parts import save_action_items
from memories.saving.writing import save_memory
from omibackend.core.text import storable
from omibackend.core.work.effects import Effect
from omibackend.prompts.material import SOURCE, Material
from omibackend.prompts.models import Output, PromptRun

MOST_TITLE_CHARS = 200
MOST_TEXT_CHARS = 20_000
MOST_ITEMS = 30
MOST_ITEM_CHARS = 1000

# PostgreSQL takes no NUL, and a model may write one.
Text = Annotated[str, AfterValidator(lambda text: storable(text).strip())]


class MemoryAnswer(BaseModel):
    title: Text = Field(description="A few words.")
    text: Text = Field(description="Empty if there is nothing worth keeping.")


class Item(BaseModel):
    description: Text = Field(description="One thing to do, as a short sentence.")
    due_at: str | None = Field(description="ISO 8601 date and time if one was named, else null.")


class ItemsAnswer(BaseModel):
    items: list[Item] = Field(description="Empty if there is nothing to do.")


class MessageAnswer(BaseModel):
    text: Text = Field(description="Empty if there is nothing to tell.")


Answer = MemoryAnswer | ItemsAnswer | MessageAnswer
FORMS: dict[str, type[MemoryAnswer] | type[ItemsAnswer] | type[MessageAnswer]] = {
    Output.MEMORY: MemoryAnswer,
    Output.ACTION_ITEMS: ItemsAnswer,
    Output.MESSAGE: MessageAnswer,
}


def as_text(answer: Answer) -> str:
    """For who reads it in the admin."""
    if isinstance(answer, ItemsAnswer):
        return "\n".join(
            f"- {item.description}" + (f" (due {storable(item.due_at)})" if item.due_at else "")
            for item in answer.items
        )
    if isinstance(answer, MemoryAnswer):
        return f"{answer.title}\n\n{answer.text}".strip()
    return answer.text


def store(run: PromptRun, answer: Answer, found: Material) -> list[Effect]:
    """Writes it in the caller's transaction, which holds the person's turn; [] for nothing."""
    if isinstance(answer, ItemsAnswer):
        return _keep_items(run, answer, found)
    if not answer.text:
        return []
    if isinstance(answer, MemoryAnswer):
        return _keep_memory(run, found, title=answer.title, text=answer.text)
    return _tell(run, answer.text, found)


def _keep_memory(
    run: PromptRun,
    found: Material,
    *,
    title: str,
    text: str,
    items: tuple[IncomingActionItem, ...] = (),
) -> list[Effect]:
    template = run.template
    incoming = IncomingMemory(
        kind=MemoryKind.NOTE,
        source=SOURCE,
        source_id=run.origin,
        title=(title or template.name)[:MOST_TITLE_CHARS],
        text=text[:MOST_TEXT_CHARS],
        occurred_at=found.occurred_at,
        action_items=items,
        details={
            "prompt": {
                "name": template.name,
                "template": str(template.pk),
                "run": str(run.pk),
                "cause": run.cause,
            }
        },
        segment_keys=tuple(found.segment_keys),
        quote=found.quote,
    )
    return save_memory(owner_id=run.person_id, incoming=incoming, delivery_id=run.delivery_id)


def _keep_items(run: PromptRun, answer: ItemsAnswer, found: Material) -> list[Effect]:
    """Beside those of the memory that they come from; without one they get a note of their own."""
    items = tuple(
        IncomingActionItem(item.description[:MOST_ITEM_CHARS], due_at=moment(item.due_at, found))
        for item in answer.items[:MOST_ITEMS]
        if item.description
    )
    if not items:
        return []
    if found.memory is not None:
        return save_action_items(found.memory, items, run.delivery_id)
    text = "\n".join(f"- {item.description}" for item in items)
    return _keep_memory(run, found, title=run.template.name, text=text, items=items)


def moment(text: str | None, found: Material) -> datetime | None:
    """On the person's clock where it names no zone. A date that cannot be read costs no item."""
    try:
        at = datetime.fromisoformat(text or "")
        return (at if at.tzinfo else at.replace(tzinfo=found.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _tell(run: PromptRun, text: str, found: Material) -> list[Effect]:
    sources = []
    if found.memory is not None:
        title = found.memory.display_title
        sources = [{"type": "memory", "id": str(found.memory.pk), "quote": title}]
    message = Message(
        role=Message.Role.ASSISTANT,
        text=text[:MOST_TEXT_CHARS],
        occurred_at=timezone.now(),
        sources=sources,
        delivery_id=run.delivery_id,
    )
    return tell(
        owner_id=run.person_id,
        key=f"prompt:{run.template_id}",
        title=run.template.name,
        message=message,
    )
