"""Splits: exact counts, no overlap, the same for ever."""

from hypothesis import given
from hypothesis import strategies as st

from hpsearch.training.data.split import apportion, share, shuffled, sizes, split, take


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.data())
def test_apportion_deals_out_everything_within_one_of_the_share(counts, data):
    total = data.draw(st.integers(0, sum(counts)))
    shares = apportion(total, counts)
    assert sum(shares) == total
    for part, count in zip(shares, counts, strict=True):
        assert abs(part - total * count / sum(counts)) < 1
        assert part <= count


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


@given(st.lists(st.integers(0, 2), min_size=1, max_size=60), st.data())
def test_roles_are_disjoint_stratified_and_leave_the_final_set_alone(labels, data):
    names = [f"image {i}" for i in range(len(labels))]
    final = data.draw(st.lists(st.sampled_from(range(len(labels))), unique=True))
    chosen = split(names, labels, final, 3, None, None)
    assert chosen.used == tuple(range(len(labels)))
    assert sorted(chosen.final) == sorted(final)
    assert sorted([*chosen.train, *chosen.tuning, *chosen.final]) == list(range(len(labels)))
    pool = sizes([labels[i] for i in set(range(len(labels))) - set(final)], 3)
    assert sizes([labels[i] for i in chosen.tuning], 3) == [
        min(count, part) for count, part in zip(pool, share(pool, 10), strict=True)
    ]


def test_the_tuning_slice_is_a_tenth_of_each_class():
    """In so many images, whatever ``share`` says: a ninth of these would be 100, 10 and 2."""
    counts = (900, 90, 18, 4)  # a class of 4 gives one image all the same
    labels = [k for k, count in enumerate(counts) for _ in range(count)]
    chosen = split([f"image {i}" for i in range(len(labels))], labels, (), 4, None, None)
    assert sizes([labels[i] for i in chosen.tuning], 4) == [90, 9, 2, 1]
    assert sizes([labels[i] for i in chosen.train], 4) == [810, 81, 16, 3]


@given(st.integers(2, 12), st.integers(1, 5))
def test_limits_take_so_many_of_each_class(per_class, final_per_class):
    names, labels = [f"image {i}" for i in range(60)], [i % 3 for i in range(60)]
    final = range(40, 60)
    chosen = split(names, labels, final, 3, per_class, final_per_class)

    def classes(role):
        return sizes([labels[chosen.used[i]] for i in role], 3)

    assert classes([*chosen.train, *chosen.tuning]) == [per_class] * 3
    assert classes(chosen.final) == [final_per_class] * 3
    assert {chosen.used[i] for i in chosen.final} <= set(final)
    assert not {chosen.used[i] for i in (*chosen.train, *chosen.tuning)} & set(final)


@given(st.integers(2, 9))
def test_fewer_images_are_some_of_the_more(per_class):
    names, labels = [f"image {i}" for i in range(40)], [i % 2 for i in range(40)]
    few, more = (split(names, labels, range(20, 40), 2, count, None) for count in (per_class, per_class + 1))
    assert set(few.used) < set(more.used)
