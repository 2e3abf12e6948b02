"""Who speaks, as far as the sender knows."""

from typing import Any

from conversations.segments import Segment

YOU = "you"


def is_person(segment: Segment) -> bool:
    """Whether the wearer speaks; where the sender does not know, it is taken to be so."""
    return segment.is_user is not False or segment.speaker.lower() == "user"


def voice_of(segment: Segment) -> str:
    if segment.is_user or segment.speaker.lower() == "user":
        return YOU
    return segment.speaker


def speaker_label(said: Any) -> str:
    """“You”, a name, or the number that speech recognition gave the voice; “Omi” where our own
    words were heard again."""
    if getattr(said, "is_echo", False):
        return "Omi"
    if said.is_user or said.speaker.lower() == "user":
        return YOU.capitalize()
    if said.speaker_name:
        return str(said.speaker_name)
    if said.speaker_id is not None:
        return f"Speaker {said.speaker_id}"
    return str(said.speaker) or "Speaker"
