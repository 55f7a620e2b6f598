"""Step graph: what one worker does in a step, and what waits for what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from nworkers.models.base.draws import agreed
from nworkers.models.costs.phase import Phase
from nworkers.models.costs.step import StepCosts
from nworkers.models.records.scenario import Scenario

#: Where workers wait for each other: until all have a layer's gradients, for the round's end, until
#: the slowest is near enough, until a host's leader has fetched, until its workers have gradients.
Gate = Literal["gradients", "round", "bound", "fetched", "reduced"]
#: A gate, and the layer whose gradients it is for; 0 for the others.
GateKey = tuple[Gate, int]
#: Nodes of one lane never run at the same time.
Lane = tuple[str, int]


@dataclass(frozen=True)
class Node:
    """A phase, or a gate, or (neither) the end of what it needs; ``needs`` come before it.

    ``ps`` is the one that the phase goes to. ``input`` marks the wait for the next batch.
    """

    needs: tuple[int, ...]
    lane: Lane
    phase: Phase | None = None
    ps: int | None = None
    gate: GateKey | None = None
    input: bool = False


Graph = tuple[Node, ...]


class _Builder:
    """Nodes in an order in which each comes after what it needs."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(
        self, needs: tuple[int, ...], lane: Lane, phase: Phase, ps: int | None = None
    ) -> tuple[int, ...]:
        """What comes next needs what this returns: a phase of no time adds nothing."""
        if not agreed(phase.wall_s > 0.0):
            return needs
        return self._append(Node(needs, lane, phase, ps))

    def gate(self, needs: tuple[int, ...], gate: GateKey) -> tuple[int, ...]:
        return self._append(Node(needs, ("gate", 0), gate=gate))

    def input(self, needs: tuple[int, ...]) -> tuple[int, ...]:
        return self._append(Node(needs, ("input", 0), input=True))

    def chain(
        self, needs: tuple[int, ...], lane: Lane, phases: tuple[Phase, ...]
    ) -> tuple[int, ...]:
        for phase in phases:
            needs = self.add(needs, lane, phase)
        return needs

    def end(self, needs: tuple[int, ...]) -> None:
        """Have the last node be the one after all that is needed."""
        if needs != (len(self.nodes) - 1,):
            self._append(Node(needs, ("end", 0)))

    def _append(self, node: Node) -> tuple[int, ...]:
        self.nodes.append(node)
        return (len(self.nodes) - 1,)


def step_graph(costs: StepCosts, scenario: Scenario, *, is_leader: bool = True) -> Graph:
    """The step of one worker; the last node ends it.

    Without overlap there is one layer, whose compute comes after all transfers and before all
    others. With it, a layer's forward pass waits for its own variables alone, and its gradients
    leave as soon as its backward pass has ended; on each connection tensors go one after the other.

    Args:
        is_leader: whether the worker goes to the ps; in hybrid training one of each host does.
    """
    made = _Builder()
    begun = made.add((), ("dispatch", 0), costs.dispatch)
    hybrid = scenario.what_if.hybrid
    fetched: dict[int, tuple[int, ...]] = {}
    if is_leader:
        fetched = _fetch(made, costs, begun)
    if hybrid:
        arrived = _all(fetched) or begun
        if is_leader:
            arrived = made.chain(arrived, ("collective", 0), costs.spread)
        fetched = {0: made.gate(arrived, ("fetched", 0))}
    done = _compute(made, costs, begun, fetched)
    if scenario.strategy == "allreduce":
        made.end(_reduce(made, costs, done))
        return tuple(made.nodes)
    if hybrid:
        gathered = made.gate(_all(done), ("reduced", 0))
        done = {0: made.chain(gathered, ("collective", 0), costs.collective)}
    pushed = _push(made, costs, done) if is_leader else _all(done)
    if scenario.strategy == "ps-sync" and is_leader:
        made.end(made.chain(made.gate(pushed, ("round", 0)), ("dispatch", 0), costs.round))
    elif scenario.what_if.staleness is not None:
        made.gate(pushed, ("bound", 0))
    else:
        made.end(pushed)
    return tuple(made.nodes)


def _all(by_layer: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(node for nodes in by_layer.values() for node in nodes))


def _fetch(made: _Builder, costs: StepCosts, begun: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    """Nodes after which each layer has its variables."""
    fetched: dict[int, tuple[int, ...]] = {}
    for ps, chain in enumerate(costs.fetch):
        last = begun
        arrived: dict[int, tuple[int, ...]] = {}
        for phase in chain:
            last = made.add(last, ("fetch", ps), phase, ps)
            arrived[phase.layer] = last
        for layer, nodes in arrived.items():
            fetched[layer] = tuple(dict.fromkeys((*fetched.get(layer, ()), *nodes)))
    return fetched


def _compute(
    made: _Builder,
    costs: StepCosts,
    begun: tuple[int, ...],
    fetched: dict[int, tuple[int, ...]],
) -> dict[int, tuple[int, ...]]:
    """Nodes after which each layer has its gradients."""
    whole = costs.compute
    # What the first layer has fetched came after the beginning.
    last = () if fetched.get(0) else begun
    if agreed(costs.input_s > 0.0):
        last = made.input(begun)
    for k, layer in enumerate(costs.layers):
        needs = tuple(dict.fromkeys((*fetched.get(k, ()), *last)))
        last = made.add(needs, ("compute", 0), _share(whole, layer.forward))
    done: dict[int, tuple[int, ...]] = {}
    for k in reversed(range(len(costs.layers))):
        last = made.add(last, ("compute", 0), _share(whole, costs.layers[k].backward))
        done[k] = last
    return done


def _share(phase: Phase, share: float) -> Phase:
    return replace(phase, wall_s=phase.wall_s * share, worker_s=phase.worker_s * share)


def _push(made: _Builder, costs: StepCosts, done: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    """Nodes after which every ps has all gradients and has applied them."""
    ends: tuple[int, ...] = ()
    for ps, chain in enumerate(costs.push):
        sent: tuple[int, ...] = ()
        layer: int | None = None
        for phase in chain:
            if phase.layer != layer:
                layer = phase.layer
                sent = tuple(dict.fromkeys((*sent, *done[layer])))
            # The next gradient need not wait for the update of the one before.
            beside = phase.cause == "apply" and len(costs.layers) > 1
            after = made.add(sent, ("apply" if beside else "push", ps), phase, ps)
            if beside:
                ends = (*ends, *after)
            else:
                sent = after
        ends = (*ends, *sent)
    return tuple(dict.fromkeys(ends)) or _all(done)


def _reduce(made: _Builder, costs: StepCosts, done: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    """Buckets one after the other, each from when every worker has its gradients."""
    reduced: tuple[int, ...] = ()
    layer: int | None = None
    for phase in costs.collective:
        if phase.layer != layer:
            layer = phase.layer
            ready = made.gate(done[layer], ("gradients", layer))
            reduced = (*reduced, *ready)
        reduced = made.add(reduced, ("collective", 0), phase)
    return reduced or _all(done)
