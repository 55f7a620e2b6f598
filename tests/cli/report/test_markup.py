"""Text as HTML: where a line may break, and where not."""

from __future__ import annotations

import pytest

from nworkers.cli.report.markup import breakable, table, text


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("a <b> & c", "a &lt;b&gt; &amp; c"),
        ("94 % of 30 s", "94\N{NO-BREAK SPACE}% of 30\N{NO-BREAK SPACE}s"),
        ("2 steps", "2 steps"),
    ],
)
def test_text_is_no_markup_and_a_number_stays_beside_its_unit(plain: str, shown: str) -> None:
    assert text(plain) == shown


def test_long_names_break_at_their_parts_and_options_never() -> None:
    assert breakable("link.push.per_tensor_s") == "link<wbr>.push<wbr>.per<wbr>_tensor<wbr>_s"
    assert breakable("0.00261–0.00356") == "0.00261–0.00356"
    assert (
        breakable("scale fit --base my.json") == 'scale fit <span class="n">--base</span> my.json'
    )


def test_a_value_may_part_from_its_interval_and_neither_is_broken() -> None:
    made = table("Some", ("of", "speed-up (90 % interval)"), [("one", "1.31× (0.988–1.59)")])
    assert '<td><span class="n">1.31×</span> <span class="n">(0.988–1.59)</span></td>' in made
    assert '<p class="caption" id="some">Some</p>' in made
