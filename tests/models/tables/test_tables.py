"""Tables of other tools: rows exact to the unit, parameters found again, no text a traceback."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nworkers.models.base.errors import InputError
from nworkers.models.costs.extrapolation import extrapolations
from nworkers.models.costs.laws import step_s
from nworkers.models.files.store import read_profile, write_record
from nworkers.models.records.profile import Profile, with_link
from nworkers.models.records.scenario import Scenario
from nworkers.models.records.workload import named_workload
from nworkers.models.tables.components.merge import Import, graft
from nworkers.models.tables.components.rows import MeasuredTable, Row
from nworkers.models.tables.detect import format_of, read_table
from tests.support.factories import DRAWS, estimate, interval, parameter, profile
from tests.support.tables import FILES, SAMPLES


def table(name: str) -> MeasuredTable:
    return read_table((SAMPLES / name).read_text(), name)


def imported(text: str, base: Profile | None = None, workers: int | None = None) -> Import:
    return graft(read_table(text, "it", workers=workers), text, base or profile(), "it")


def sample(name: str, base: Profile | None = None) -> Profile:
    return imported((SAMPLES / name).read_text(), base).profile


def refused(text: str, workers: int | None = None) -> str:
    with pytest.raises(InputError) as caught:
        imported(text, workers=workers)
    assert "\n" not in str(caught.value)
    return str(caught.value)


#: 137.80 µs in place, where 142.45 are printed out of place.
IN_PLACE = Row("allreduce", 137.80e-6, 1024, workers=8, hosts=2, in_place=True, series="in-place")


@pytest.mark.parametrize(
    ("name", "kind", "row", "count"),
    [
        ("nccl.txt", "nccl-tests", IN_PLACE, 10),
        ("nccl.json", "nccl-tests JSON", replace(IN_PLACE, hosts=1), 10),
        ("osu_latency.txt", "OSU micro-benchmarks", Row("message", 2.03e-6, 0), 24),
        ("osu_bw.txt", "OSU micro-benchmarks", Row("stream", 1 / 5.08e6, 1), 23),
        ("osu_allreduce.txt", "OSU micro-benchmarks", Row("allreduce", 61.01e-6, 4, 16), 10),
        ("torch.csv", "CSV", Row("allreduce", 1.06e-4, 4096, workers=2), 18),
        ("iperf3.json", "iperf3", Row("flows", 3.000083, 13069189120), 5),
    ],
)
def test_units_and_counts(name: str, kind: str, row: Row, count: int) -> None:
    found = table(name)
    first = found.rows[0]
    assert (found.format, len(found.rows)) == (kind, count)
    assert first.seconds == pytest.approx(row.seconds, rel=5e-3)
    assert replace(first, seconds=1.0) == replace(row, seconds=1.0)


def test_bus_bandwidth_is_that_of_nccl_tests() -> None:
    """Of the printed column, to its rounding, and of the JSON's, to six decimals."""
    document = json.loads((SAMPLES / "nccl.json").read_text())
    for row, result in zip(table("nccl.json").rows, document["results"], strict=True):
        printed = result["in_place"]["bus_bw"] * 1e9
        assert row.bandwidth_bytes_per_s == pytest.approx(printed, rel=1e-4)
    last = table("nccl.txt").rows[-1]
    assert last.in_place
    assert last.bandwidth_bytes_per_s == pytest.approx(19.96e9, abs=1e7)


def test_ring_found_again() -> None:
    """One process with 8 GPUs is one host."""
    made = sample("nccl.json").collective
    assert made.inner is not None
    (only,) = made.inner.segments
    assert estimate(only.latency_s) == pytest.approx(10e-6, rel=0.03)
    assert estimate(only.bandwidth_bytes_per_s) == pytest.approx(20e9, rel=0.02)
    # Those in place are the faster, by a ripple that the interval of one run cannot know.
    low, high = interval(only.latency_s)
    assert low < estimate(only.latency_s) < high
    assert made.imported
    assert not made.measured


def test_what_the_table_is_silent_about_is_the_base() -> None:
    base = profile()
    made = sample("nccl.txt", base)
    assert (made.device, made.host, made.link, made.noise) == (
        base.device,
        base.host,
        base.link,
        base.noise,
    )
    (record,) = made.imported
    assert record.parameters == (
        "collective.latency_s",
        "collective.bandwidth_bytes_per_s",
        "collective.inner.latency_s",
        "collective.inner.bandwidth_bytes_per_s",
    )
    assert made.collective.latency_s is not None
    assert len(made.collective.latency_s.draws) == DRAWS
    # One run is one round, whatever the base had.
    assert made.rounds == 1
    assert made.provisional


def test_groups_of_two_sizes() -> None:
    assert {row.workers for row in table("nccl-two-groups.txt").rows} == {2, 8}
    assert sample("nccl-two-groups.txt").collective.workers == (2, 8)


@pytest.mark.parametrize("workers", [2, 3, 8, 16])
def test_group_without_a_list_of_ranks(workers: int) -> None:
    """Then busbw/algbw tells it, as far as its digits go."""
    factor = 2 * (workers - 1) / workers
    lines = [f"{2**20 * k} {2**18 * k} float sum -1 {k * 10 / 3:.4f}" for k in (1, 2)]
    lines = [f"{li} 314.57 {314.57 * factor:.2f} 0 {(k + 1) * 10 / 3:.4f} 314.57 "
             f"{314.57 * factor:.2f} 0" for k, li in enumerate(lines)]  # fmt: skip
    head = "# size count type redop root time algbw busbw #wrong time algbw busbw #wrong"
    assert {row.workers for row in read_table("\n".join([head, *lines]), "it").rows} == {workers}


def test_osu_on_a_loopback_base_adds_the_wire_to_its_software() -> None:
    """A fetch is a request and an answer: two latencies; software's bandwidth stays below."""
    base = profile(
        link__kind="loopback", link__evidence="one host", link__shared_bandwidth_bytes_per_s=None
    )
    text = (SAMPLES / "osu_latency.txt").read_text() + (SAMPLES / "osu_bw.txt").read_text()
    made = imported(text, base).profile
    link = made.link
    assert link.wire_latency_s is not None
    assert estimate(link.wire_latency_s) == pytest.approx(2e-6, rel=0.02)
    for new, old in ((link.fetch, base.link.fetch), (link.push, base.link.push)):
        added = estimate(new.segments[0].latency_s) - estimate(old.segments[0].latency_s)
        assert added == pytest.approx(2 * estimate(link.wire_latency_s))
        rates = [estimate(of.segments[0].bandwidth_bytes_per_s) for of in (new, old)]
        assert rates[0] == rates[1]
    shared = link.shared_bandwidth_bytes_per_s
    assert shared is not None
    assert estimate(shared) == pytest.approx(12e9, rel=0.02)
    assert (link.kind, link.evidence) == ("network", "imported")
    assert with_link(profile(), made).link == link
    # A second wire replaces the first, which is known by then.
    slower = imported("# OSU MPI Latency Test v7\n# Size Latency (us)\n1 50.0\n", made).profile
    expected = estimate(base.link.fetch.segments[0].latency_s) + 100e-6
    assert estimate(slower.link.fetch.segments[0].latency_s) == pytest.approx(expected, rel=1e-6)


def test_a_network_base_keeps_its_latency() -> None:
    base = profile()
    made = imported((SAMPLES / "osu_latency.txt").read_text(), base)
    assert made.profile.link.fetch.segments[0].latency_s == base.link.fetch.segments[0].latency_s
    assert any("its own wire's" in note for note in made.notes)
    # The base's one flow was stopped by its wire, so nothing is known of the software beyond.
    assert estimate(made.profile.link.fetch.segments[0].bandwidth_bytes_per_s) == pytest.approx(
        12e9, rel=0.02
    )


def test_iperf_one_flow_then_several() -> None:
    base = profile()
    one = sample("iperf3.json", base)
    four = sample("iperf3-four.json", one)
    shared = four.link.shared_bandwidth_bytes_per_s
    assert shared is not None
    assert estimate(shared) == pytest.approx(35806984565.47955 / 8)
    assert estimate(one.link.fetch.segments[0].bandwidth_bytes_per_s) == pytest.approx(
        34850206797 / 8, rel=1e-3
    )
    flow = estimate(four.link.fetch.segments[0].bandwidth_bytes_per_s)
    assert flow == estimate(one.link.fetch.segments[0].bandwidth_bytes_per_s)
    assert [record.format for record in four.imported] == ["iperf3", "iperf3"]


def test_csv_of_transfers_with_rounds() -> None:
    made = sample("transfers.csv")
    assert estimate(made.host.server_dispatch_s) == pytest.approx(2e-4, rel=0.03)
    assert estimate(made.link.dispatch_s) == pytest.approx(4e-4, rel=0.05)
    assert estimate(made.link.fetch.segments[0].latency_s) == pytest.approx(3e-4, rel=0.05)
    assert estimate(made.link.fetch.per_tensor_s) == pytest.approx(5e-5, rel=0.05)
    assert estimate(made.link.push.segments[0].bandwidth_bytes_per_s) == pytest.approx(
        1.2e8, rel=0.03
    )
    # Five repetitions of every cell are five rounds.
    assert made.rounds == 5
    assert not made.provisional


def test_csv_of_products_and_steps() -> None:
    text = "quantity,features,batch,hidden,workload,seconds\n"
    text += "".join(f"gemm,{k},{k},{k},,{5e-6 + 2 * k**3 / 1e12}\n" for k in (32, 128, 512, 2048))
    text += "".join(f"step,,{b},,resnet,{1e-2 + 1e-3 * b}\n" for b in (1, 8, 64))
    made = imported(text).profile
    assert estimate(made.device.products.segments[0].gemm_flops_per_s) == pytest.approx(
        1e12, rel=1e-3
    )
    assert made.workload == "resnet"
    assert step_s(made.drawn(None).device.workloads[-1].step, 16) == pytest.approx(2.6e-2, rel=1e-3)
    # Three rows and two parameters are little: the interval is far wider than the residuals.
    assert made.provisional


def test_csv_of_fetches_at_once() -> None:
    rows = [f"fetch,{n},{w},{1e-3 + w * n / 1e8}" for w in (1, 4) for n in (10**4, 10**5, 10**6)]
    made = imported("\n".join(["quantity,size_bytes,workers,seconds", *rows])).profile
    shared = made.link.shared_bandwidth_bytes_per_s
    assert shared is not None
    assert estimate(shared) == pytest.approx(1e8, rel=1e-3)


def test_two_rows_for_two_parameters_are_given_a_stated_spread() -> None:
    made = imported(
        "quantity,size_bytes,workers,seconds\nallreduce,8,2,1e-4\nallreduce,1000000,2,1e-2"
    )
    assert made.profile.collective.latency_s is not None
    low, high = interval(made.profile.collective.latency_s)
    assert high / low > 1.5


def test_small_sizes_alone_leave_a_csv_bandwidth_to_the_base() -> None:
    base = profile()
    made = imported("quantity,size_bytes,seconds\nfetch,4,0.001\nfetch,8,0.001001", base)
    assert (
        made.profile.link.fetch.segments[0].bandwidth_bytes_per_s
        == base.link.fetch.segments[0].bandwidth_bytes_per_s
    )
    assert any("not identified" in note for note in made.notes)


HEAD = "quantity,size_bytes,workers,seconds\n"
NCCL = "# size count type redop root time algbw busbw #wrong time algbw busbw #wrong\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD, ["CSV header without rows"]),
        ("quantity,size_bytes,second\nfetch,1,2", ["column named seconds", "second"]),
        ("quantity,size_byte,seconds\nfetch,1,2", ["size_byte", "size_bytes"]),
        ("kind,seconds,size_bytes\nfetch,1,2", ["column named quantity"]),
        (HEAD + "fetch,1,1,0", ["line 2: seconds", "got", "above 0"]),
        (HEAD + "fetch,1,1,-1", ["line 2: seconds"]),
        (HEAD + "fetch,1,1,nan", ["line 2: seconds"]),
        (HEAD + "fetch,1,1,inf", ["line 2: seconds"]),
        (HEAD + "fetch,1,1,1e-300", ["seconds"]),
        (HEAD + "fetch,1,1", ["3 columns", "4"]),
        (HEAD + "fetch,1.5,1,1", ["size_bytes", "1.5"]),
        (HEAD + f"fetch,{'9' * 5000},1,1", ["size_bytes"]),
        (HEAD + "fecth,1,1,1", ["did you mean fetch?"]),
        (HEAD + "exchange,1,1,1", ["exchange, which has no model"]),
        (HEAD + "allreduce,1,,1", ["workers", "nothing"]),
        (HEAD + "allreduce,1,1,1", ["a group of 1"]),
        (HEAD + "fetch,1000,1,1\nfetch,1000,1,1.1", ["all at size 1000"]),
        (HEAD + "allreduce,8,2,1\nallreduce,8,2,1.1", ["allreduce", "all at size 8"]),
        (HEAD + "allreduce,8,2,1\nallreduce,9,2,1", ["sizes that show the bandwidth"]),
        ("quantity,path,seconds\nnoop,nowhere,1", ["path", "process, server, ps"]),
        ("quantity,path,size_bytes,seconds\nfetch,nowhere,4,1", ["path", "nowhere", "ps"]),
        ("# Collective test starting: all_gather_perf\n" + NCCL, ["all_gather_perf"]),
        (NCCL, ["header without rows"]),
        (NCCL + "8 2 float none -1 1 1 1 0 1 1 1 0", ["redop none"]),
        (NCCL + "8 2 float sum -1 1 1", ["line 2", "cut off"]),
        (NCCL + "8 2 float sum -1 1 0.00 0.00 0 1 0.00 0.00 0", ["Rank", "workers N"]),
        (NCCL + "9000 2 float sum -1 1 9.0 90.0 0 1 9.0 90.0 0", ["2(N−1)/N"]),
        (NCCL.replace("time", "cputime") + "8 2 float sum -1 1 1 1 0 1 1 1 0", ["option -C"]),
        ("# OSU MPI Broadcast Latency Test v7.4\n# Size Avg Latency(us)\n1 2", ["Broadcast"]),
        ("# OSU MPI Latency Test v7.4\n", ["header without rows"]),
        ("# OSU MPI Latency Test v7.4\n# Size Latency (us)\n1", ["line 3: value"]),
        ("# OSU MPI Latency Test v7.4\n# Size Latency (ns)\n1 2", ["Latency (us)"]),
        ("# OSU MPI Latency Test v7.4\n# Size Latency (us)\n65536 2", ["a second size"]),
        ("# OSU MPI Allreduce Latency Test v7.4\n# Size Avg Latency(us)\n4 2", ["workers N"]),
        ('{"error": "unable to connect"}', ["error", "unable to connect"]),
        ('{"start": {}, "end": {"streams": []}}', ["streams", "none"]),
        ('{"start": {"test_start": {"protocol": "UDP"}}}', ["UDP", "TCP"]),
        ('{"start": {"version": "iperf 3.12"}, "interv', ["cut off"]),
        ('{"version": 2, "nccl_version": 22808, "resu', ["cut off"]),
        ('{"results": {}}', ["results", "a list"]),
        ('{"args": ["/x/alltoall_perf"], "results": []}', ["alltoall_perf"]),
        ('{"results": [{"size": "8", "out_of_place": {"time": "nan"}}]}', ["time", "nan"]),
        ('{"nothing": 1}', ["nccl-tests", "iperf3"]),
        ("Dear reader,\nthis is a letter.", ["Dear reader"]),
    ],
)  # fmt: skip
def test_bad_tables(text: str, words: list[str]) -> None:
    message = refused(text)
    for word in words:
        assert word in message


def test_a_slip_of_units_is_marked() -> None:
    made = imported(HEAD + "fetch,1000000,1,1e-7\nfetch,10000000,1,1e-6\nfetch,4,1,1e-8")
    assert any("a slip of units?" in note for note in made.notes)


def test_a_library_that_changes_with_the_size_is_followed() -> None:
    """A step in the time at 1 MB, as a change of algorithm makes."""
    rows = [
        f"allreduce,{8**k},8,{1e-4 + 8**k / 1e10 + (2e-3 if k > 6 else 0)}" for k in range(1, 11)
    ]
    made = imported(HEAD + "\n".join(rows))
    assert not any("miss these times" in note for note in made.notes)
    (later,) = made.profile.collective.segments
    assert 8**6 < later.from_bytes < 8**7
    assert estimate(later.latency_s) == pytest.approx(2.1e-3 / 14, rel=0.02)


def test_a_library_that_is_no_ring_is_said_to_be_none() -> None:
    """Times that no latency and bandwidth make; the prediction says so too."""
    rows = [f"allreduce,{8**k},8,{(1e-4 + 8**k / 1e10) * 3 ** (k % 2)}" for k in range(1, 11)]
    made = imported(HEAD + "\n".join(rows))
    assert any("miss these times" in note for note in made.notes)
    ring = Scenario(
        workload=named_workload("gemm:128,256"),
        workers=8,
        strategy="allreduce",
        runtime="mirrored",
        scaling="strong",
        batch=32,
        ps=1,
        workers_per_host=1,
        ps_placement="own",
    )
    assert any("a ring misses" in note for note in extrapolations(made.profile, ring))
    assert not any("a ring" in note for note in extrapolations(sample("nccl.txt"), ring))


def test_wrong_sums_are_marked() -> None:
    text = (SAMPLES / "nccl.txt").read_text().replace("       0\n", "       3\n")
    assert any("do not trust" in note for note in imported(text).notes)


def test_columns_of_others_are_named_and_ignored() -> None:
    text = "quantity;size_bytes;host;seconds\nfetch;8;a;1e-3\nfetch;1000000;b;1e-2"
    assert any("not used: host" in note for note in imported(text).notes)


def test_a_calibration_is_nobody_elses() -> None:
    assert format_of('{"schema_version": "1.0", "kind": "calibration", "results": 1}') is None
    assert format_of("{") is None


def test_profile_files(tmp_path: Path) -> None:
    """What is written is read again, and files from before there were imports still are."""
    path = tmp_path / "p.json"
    for made in (sample("nccl.txt"), sample("osu_latency.txt")):
        write_record(path, made, force=True)
        assert read_profile(path) == made
    write_record(path, profile(), force=True)
    document = json.loads(path.read_text())
    del document["imported"], document["link"]["wire_latency_s"]
    for name in ("imported", "workers", "size_bytes"):
        del document["collective"][name]
    path.write_text(json.dumps(document))
    assert read_profile(path) == profile()


def test_draws_are_reproducible_and_independent_of_the_base() -> None:
    first, again = sample("nccl.txt"), sample("nccl.txt")
    assert first == again
    base = parameter(1.0)
    assert first.collective.latency_s is not None
    assert abs(np.corrcoef(base.draws, first.collective.latency_s.draws)[0, 1]) < 0.8


TEXTS = [(SAMPLES / name).read_text() for name in FILES]
pieces = st.text(alphabet='0123456789.,-+e#{}[]": \n\tnaNinf\x00\u2028', max_size=8)
digits = st.sampled_from(["0", "-1", "1e308", "1e-308", "NaN", "null", "[]", "", "9" * 400])


def test_two_hosts_of_one_rank_beside_two_of_four() -> None:
    """Nothing of the first is inside a host."""
    text = (SAMPLES / "nccl-two-groups.txt").read_text()
    settle(text[:384] + "0" + text[389:])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_damage_to_a_file_is_a_traceback(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(0, len(text)))
        last = min(len(text), first + data.draw(st.integers(0, 200)))
        text = text[:first] + data.draw(pieces | digits) + text[last:]
    settle(text)


@settings(max_examples=200, deadline=None)
@given(st.text() | st.text(alphabet="0123456789.,-e# \n").map(lambda t: HEAD + t))
def test_no_text_is_a_traceback(text: str) -> None:
    settle(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["start", "end", "streams", "sum_sent", "sum_received", "receiver", "bits_per_second",
             "bytes", "results", "size", "in_place", "time", "bus_bw", "config", "devices", "args",
             "intervals", "sum"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["start", "end", "results", "intervals"]), json_values))
def test_no_json_is_a_traceback(document: dict[str, object]) -> None:
    settle(json.dumps(document))


def settle(text: str) -> None:
    """A table is taken whole, or refused in one line."""
    with suppress(InputError):
        imported(text)
