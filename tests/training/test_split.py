"""Splits: exact counts, no overlap, the same for ever."""

from hypothesis import given
from hypothesis import strategies as st

from hpsearch.training.data.split import apportion, shuffled, sizes, take


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.data())
def test_apportion_deals_out_everything_within_one_of_the_share(counts, data):
    total = data.draw(st.integers(0, sum(counts)))
    shares = apportion(total, counts)
    assert sum(shares) == total
    for share, count in zip(shares, counts, strict=True):
        assert abs(share - total * count / sum(counts)) < 1
        assert share <= count


@given(st.sets(st.text(min_size=1), min_size=1, max_size=30), st.data())
def test_take_takes_what_is_asked_of_each_class(names, data):
    names = sorted(names)
    labels = [data.draw(st.integers(0, 2)) for _ in names]
    counts = [data.draw(st.integers(0, size)) for size in sizes(labels, 3)]
    taken, left = take(names, labels, counts)
    assert sorted(taken + left) == list(range(len(names)))
    assert taken == sorted(taken)
    assert sizes([labels[i] for i in taken], 3) == counts


@given(st.sets(st.text(min_size=1), min_size=2, max_size=20))
def test_adding_a_name_reshuffles_none_of_the_others(names):
    *most, _ = names = sorted(names)
    before = [most[i] for i in shuffled(most)]
    assert [names[i] for i in shuffled(names) if names[i] in most] == before


def test_names_that_are_no_unicode_are_split_too():
    assert sorted(shuffled(["a\udcff", "b"])) == [0, 1]
