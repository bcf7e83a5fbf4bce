"""JSON format of messages for webhook and MQTT."""

from typing import Any

from tawny.delivery.message import Message
from tawny.model.times import utc_text


def as_json(message: Message, changes: str) -> dict[str, Any]:
    """Return the message as JSON. changes: ID of the message it replaces; empty for none."""
    return {
        "type": f"message.{message.kind}",
        "id": message.id,
        "changes": changes or None,
        "title": message.title,
        "text": message.text,
        "time": utc_text(message.at_ms),
        "camera": message.camera or None,
        "event": message.event or None,
        "urgency": message.urgency.value,
        "link": message.link or None,
        "clip": message.clip_link or None,
        "history": message.history or None,
        "buttons": [{"label": one.label, "url": one.url} for one in message.buttons if one.url],
    }
