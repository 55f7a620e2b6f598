"""A test double of a task's channel: queues of texts in this process, without any framework."""

from __future__ import annotations

from collections import defaultdict
from queue import Empty, Queue


class InMemoryChannel:
    """Queues by name; one that is ``broken`` says so, and loses what ``lose`` asks it to."""

    def __init__(self) -> None:
        self._queues: dict[str, Queue[str]] = defaultdict(Queue)
        self.broken = ""
        self.lose = 0

    def put(self, queue: str, text: str, timeout_s: float | None = None) -> bool:
        self._check()
        if self.lose and queue.startswith("scale_answers"):
            self.lose -= 1
        else:
            self._queues[queue].put(text)
        return True

    def get(self, queue: str, timeout_s: float | None = None) -> str | None:
        self._check()
        try:
            return self._queues[queue].get(timeout=timeout_s)
        except Empty:
            return None

    def _check(self) -> None:
        if self.broken:
            raise ConnectionError(self.broken)
