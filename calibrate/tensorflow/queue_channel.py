"""Queue channel: queues of texts on a task's TensorFlow server, reached through that server's port.

No second port is needed, and a dequeue that waits holds no thread of the server's pools. One call
and its answer take 1.7 ms on loopback; an answer of 5 MB takes 50 ms (2 cores). An operation on a
server that has died never ends by itself, since TensorFlow's client waits for the server to come
back: it ends when its time runs out.
"""

from __future__ import annotations

import threading
from typing import Any


def client(address: str, limit_s: float) -> QueueChannel:
    """The queues of the task at ``host:port``; no operation takes longer than the limit."""
    return QueueChannel(f"grpc://{address}", limit_s)


def server(target: str, port: int) -> QueueChannel:
    """The queues of this task, by the target of its server, or else by its port."""
    return QueueChannel(target or f"grpc://localhost:{port}")


class QueueChannel:
    """Queues on one server, as ops of a session with that server.

    Args:
        limit_s: of every operation; 0 for none.
    """

    def __init__(self, target: str, limit_s: float = 0.0) -> None:
        import tensorflow as tf

        self._tf = tf
        config = tf.compat.v1.ConfigProto()
        # A session is created by its first run, whatever limit that run has: with a server that
        # dies just then, this alone ends the wait.
        config.operation_timeout_in_ms = int(1000 * limit_s)
        # A filter that no task passes: the session concerns this server alone, and does not wait
        # until every other task of the cluster is up.
        config.device_filters.append("/job:none")
        self._graph = tf.Graph()
        self._session = tf.compat.v1.Session(target, graph=self._graph, config=config)
        self._ops: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def put(self, queue: str, text: str, timeout_s: float | None = None) -> bool:
        """Append a text; whether it was taken in time.

        Raises:
            ConnectionError: the server takes none; named by TensorFlow's error.
        """
        placeholder, enqueue = self._op(queue, "put")
        try:
            self._session.run(enqueue, {placeholder: text}, options=self._options(timeout_s))
        except self._tf.errors.DeadlineExceededError:
            return False
        except self._tf.errors.OpError as error:
            raise ConnectionError(type(error).__name__) from None
        return True

    def get(self, queue: str, timeout_s: float | None = None) -> str | None:
        """The next text, or None where none came in time.

        Raises:
            ConnectionError: the server gives none; named by TensorFlow's error.
        """
        try:
            text = self._session.run(self._op(queue, "get"), options=self._options(timeout_s))
        except self._tf.errors.DeadlineExceededError:
            return None
        except self._tf.errors.OpError as error:
            raise ConnectionError(type(error).__name__) from None
        # A dequeue that comes back as its time runs out has been seen to hold an empty string in
        # place of the element; nothing that is sent is empty, and a beat has it sent again.
        return bytes(text).decode() or None

    def _options(self, timeout_s: float | None) -> Any:
        milliseconds = 0 if timeout_s is None else max(1, int(1000 * timeout_s))
        return self._tf.compat.v1.RunOptions(timeout_in_ms=milliseconds)

    def _op(self, queue: str, what: str) -> Any:
        with self._lock:
            if (queue, what) not in self._ops:
                tf = self._tf
                with self._graph.as_default():
                    made = tf.queue.FIFOQueue(1000, tf.string, shapes=[[]], shared_name=queue)
                    text = tf.compat.v1.placeholder(tf.string, [])
                    self._ops[queue, "put"] = (text, made.enqueue(text))
                    self._ops[queue, "get"] = made.dequeue()
            return self._ops[queue, what]
