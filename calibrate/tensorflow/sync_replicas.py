"""Synchronous training with parameter servers: TensorFlow's own SyncReplicasOptimizer.

A worker pushes its gradients into accumulators, one for each variable, beside the variables, and
waits for a token. When all workers' gradients of a round have come, an op of the chief, which moves
nothing over the network but the start of it, takes their means, applies them, counts the round and
puts out a token for each worker. No worker is ahead of a round: no tokens are put out beforehand.

Workers end together by the queue of tokens: each closes it at the end of its own time, and who
waits for a token then is told that there is none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from nworkers.calibrate.probes.sampling import doubled
from nworkers.calibrate.tensorflow.replica import Shared, replica_graph
from nworkers.calibrate.tensorflow.trained import TrainedModel
from nworkers.calibrate.tensorflow.update_rule import UpdateRule


@dataclass(frozen=True)
class SyncGraph:
    """TensorFlow ops of one replica.

    The chief runs ``initializer`` and ``chief_init``, the others ``own`` and ``local_init``.
    ``round`` is what the chief runs over and over; ``close`` ends the rounds for all.
    """

    initializer: Any
    chief_init: Any
    own: Any
    local_init: Any
    step: Any
    loss: Any
    round: Any
    close: Any


def sync_graph(
    model: TrainedModel,
    *,
    workers: int,
    worker: str,
    host: str,
    ps: tuple[str, ...],
    index: int,
) -> SyncGraph:
    """Build the step of one worker, and the chief's part, in the default graph.

    Args:
        worker: where the worker computes.
        host: its task's processor, where it counts its rounds and waits for its token.
    """
    import tensorflow as tf

    replica = replica_graph(model, worker=worker, ps=ps, seed=index + 1)
    with tf.device(ps[0]):
        rounds = tf.compat.v1.train.get_or_create_global_step()
    optimizer = tf.compat.v1.train.SyncReplicasOptimizer(
        _Applied(model.rule, replica.shared),
        replicas_to_aggregate=workers,
        total_num_replicas=workers,
    )
    with tf.device(host):
        pairs = [(g, s.variable) for g, s in zip(replica.gradients, replica.shared, strict=True)]
        step = optimizer.apply_gradients(pairs, global_step=rounds)
    runner = optimizer.get_chief_queue_runner()
    (round_,) = runner.enqueue_ops
    return SyncGraph(
        initializer=tf.group(replica.initializer, rounds.initializer),
        chief_init=optimizer.chief_init_op,
        own=replica.own_initializer,
        local_init=optimizer.local_step_init_op,
        # The op, since fetching its value would bring the token into Python.
        step=step.op,
        loss=replica.loss,
        round=round_,
        close=runner.cancel_op,
    )


class _Applied:
    """What SyncReplicasOptimizer asks of an optimizer: apply the means, count the round."""

    def __init__(self, rule: UpdateRule, shared: Sequence[Shared]) -> None:
        self._rule = rule
        self._shared = shared

    def apply_gradients(self, means: Iterable[tuple[Any, Any]], rounds: Any) -> Any:
        import tensorflow as tf

        applies = []
        for (mean, variable), shared in zip(means, self._shared, strict=True):
            with tf.device(variable.device):
                applies.append(self._rule.apply(variable, shared.slots, mean))
        with tf.control_dependencies(applies), tf.device(rounds.device):
            return rounds.assign_add(1, read_value=False)


class Rounds:
    """The rounds of synchronous training: the chief keeps them going, everybody may end them."""

    def __init__(self, session: Any, graph: SyncGraph, index: int) -> None:
        self._chief = index == 0
        self._session = session
        self._graph = graph
        self._error: Exception | None = None
        # Each at a time of its own: an op may not be run before what it reads is initialised.
        if self._chief:
            session.run(graph.initializer)
            session.run(graph.chief_init)
        else:
            session.run(graph.own)
            session.run(graph.local_init)

    @contextmanager
    def going_on(self, until: float) -> Iterator[None]:
        """Rounds happen within the block; at ``until`` (of ``time.perf_counter``) they end."""
        if self._chief:
            threading.Thread(target=self._aggregate, daemon=True).start()
        end = threading.Timer(until - time.perf_counter(), self._close)
        end.daemon = True
        end.start()
        yield
        end.join()

    def check(self) -> None:
        """Raise what went wrong in a round of the chief's."""
        if self._error is not None:
            raise self._error

    def _aggregate(self) -> None:
        """The chief's loop, as a QueueRunner's thread runs it, but for requests that double."""
        import tensorflow as tf

        run = self._session.make_callable(self._graph.round)
        while True:
            try:
                run()
            except (tf.errors.OutOfRangeError, tf.errors.CancelledError):
                return
            except Exception as error:
                if not doubled(error):
                    self._error = error
                    self._close()
                    return

    def _close(self) -> None:
        import tensorflow as tf

        # Another worker may have closed the queue before, and a ps that died is noticed elsewhere.
        with suppress(tf.errors.OpError):
            self._session.run(self._graph.close)
