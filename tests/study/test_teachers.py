"""Teachers as values: what a study makes of them, what shares one, what they cost, and what is refused."""

from dataclasses import dataclass

import pytest

from hpsearch import Refused, Round, Space, Study, Teacher, Trained, Trick, Tune, Uniform, factorial, ladder, one_at_a_time
from hpsearch.ablation import Arm
from hpsearch.study import needed
from hpsearch.study.agenda import agenda
from hpsearch.values import from_json, to_json
from tests.trials.taught import Pupil, learn

taught = Trick("taught", {"teacher": Teacher({"size": 10}, follows=("kind",))})
fast = Trick("fast", {"rate": 1.0})
other = Trick("other kind", {"kind": "other"})


def study(**changes):
    return Study(
        **{"question": "?", "train": learn, "base": Pupil(), "vary": ladder(fast, taught), "seeds": 3, "epochs": 2, **changes}
    )


def test_a_teacher_is_the_base_with_its_settings_and_the_students_where_it_follows():
    config = study(vary=factorial(taught, other)).config(Arm((taught, other)))
    assert config.teacher == Trained(Pupil(size=10, kind="other"), 0, 2)
    assert study().config(Arm((taught, fast))).teacher == Trained(Pupil(size=10), 0, 2)


def test_arms_seeds_and_points_share_their_teacher():
    tune = Tune(Space(rate=10 ** Uniform(-2, 0)), rounds=(Round(points=4, epochs=1),), arms="stack")
    asked = study(vary=one_at_a_time(taught) | ladder(Trick("larger", {"size": 2}), taught), tune=tune)
    teachers = asked.teachers
    assert [(t.held_out, t.epochs, t.config) for t in teachers] == [("tuning", 2, Pupil(size=10)), ("final", 2, Pupil(size=10))]
    round_ = agenda(asked, {}).rounds[0]
    assert {next(iter(trial.needs.values())).key for trial in round_.trials} == {teachers[0].key}
    scores = {trial.key: 1.0 for trial in round_.trials}
    measured = [m.trial for m in agenda(asked, scores).measurements if m.trial.config.teacher]
    assert len(measured) == 2 * 3
    assert {trial.needs["teacher"].key for trial in measured} == {teachers[1].key}


def test_arms_that_differ_in_what_a_teacher_follows_have_two():
    asked = study(vary=factorial(taught, other))
    assert [trial.config.kind for trial in asked.teachers] == ["good", "other"]


def test_teachers_come_before_their_students():
    trials = list(agenda(study(), {}).trials())
    seen = set()
    for trial in trials:
        assert {each.key for each in needed(trial)} <= seen
        seen.add(trial.key)
    assert len(trials) == 3 * 3 + 1


def test_a_teacher_that_is_a_trial_of_an_arm_is_no_further_trial():
    itself = Trick("born again", {"teacher": Teacher()})  # the base teaches the base
    asked = study(vary=one_at_a_time(itself))
    assert asked.teachers == ()
    assert agenda(asked, {}).teachers == ()
    assert asked.trials == len(list(agenda(asked, {}).trials())) == 6
    assert study(vary=one_at_a_time(Trick("of another seed", {"teacher": Teacher(seed=7)}))).trials == 7


def test_teachers_are_counted_in_the_cost():
    assert study().trials == 9 + 1
    assert study().cost == 2 * (9 + 1)
    with pytest.raises(Refused, match="the study needs 20 epochs and the budget is 19"):
        study(budget=19)


def test_a_teacher_may_have_a_teacher():
    chain = Trick("chain", {"teacher": Teacher({"size": 10, "teacher": Teacher({"size": 100})})})
    asked = study(vary=ladder(chain))
    assert [trial.config.size for trial in asked.teachers] == [100, 10]
    assert [trial.config.size for trial in needed(asked.student(Arm((chain,)), 0, "final"))] == [100, 10]


def test_what_a_teacher_is_decides_the_students_key():
    keys = {
        study(vary=ladder(trick)).student(Arm((trick,)), 0, "final").key
        for trick in (Trick("a", {"teacher": Teacher({"size": n}, seed=s)}) for n in (2, 3) for s in (0, 1))
    }
    assert len(keys) == 4


def test_refuses_a_teacher_that_follows_its_student_to_itself():
    with pytest.raises(Refused, match=r"teachers form a cycle, the one in 'teacher' needs the one in 'teacher'"):
        study(vary=ladder(Trick("a", {"teacher": Teacher({"size": 2}, follows=("teacher",))})))


def test_refuses_two_teachers_that_need_each_other():
    base = Pupil(teacher=Teacher({"size": 2}), assistant=Teacher({"size": 3}))
    with pytest.raises(Refused, match=r"teachers form a cycle.*let one of them set its own teacher to None"):
        study(base=base, vary=ladder(fast))
    broken = Pupil(teacher=Teacher({"size": 2, "assistant": None}), assistant=Teacher({"size": 3}))
    assert len(study(base=broken, vary=ladder(fast)).teachers) == 2


@pytest.mark.parametrize(
    ("teacher", "sentence"),
    [
        (Teacher({"sise": 2}), "the teacher of trick 'a' sets 'sise', which Pupil does not have: did you mean 'size'"),
        (Teacher(follows=("knd",)), "the teacher of trick 'a' sets 'knd', which Pupil does not have"),
    ],
)
def test_refuses_a_teacher_with_unknown_fields(teacher, sentence):
    with pytest.raises(Refused, match=sentence):
        study(vary=ladder(Trick("a", {"teacher": teacher})))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"sets": {"size": [1]}}, "a Teacher sets 'size' to a list, which is mutable: use a tuple"),
        ({"sets": {"size": 1}, "follows": ("size",)}, "a Teacher both sets 'size' and takes it from the student"),
        ({"seed": -1}, "a Teacher's seed is a whole number, at least 0, got -1"),
    ],
)
def test_refuses_a_teacher_that_makes_no_sense(arguments, sentence):
    with pytest.raises(Refused, match=sentence):
        Teacher(**arguments)


def test_a_teacher_travels_as_json():
    teacher = Teacher({"size": 2, "teacher": Teacher({"size": 3})}, follows=("kind",), seed=4)
    assert from_json(to_json(teacher)) == teacher


@dataclass(frozen=True)
class Timed:
    epochs: int = 4
    width: int = 1
    teacher: Teacher | Trained | None = None


def test_a_config_with_epochs_of_its_own_says_how_long_its_teacher_trains():
    trick = Trick("a", {"teacher": Teacher({"width": 2, "epochs": 9})})
    asked = Study(question="?", train=learn, base=Timed(), vary=ladder(trick), seeds=2)
    assert [(t.epochs, t.config.epochs) for t in asked.teachers] == [(9, 9)]
    follows = Trick("a", {"teacher": Teacher({"width": 2}, follows=("epochs",)), "epochs": 6})
    assert [t.epochs for t in Study(question="?", train=learn, base=Timed(), vary=ladder(follows), seeds=2).teachers] == [6]
