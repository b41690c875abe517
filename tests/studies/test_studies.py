"""The studies that come with the project: each can be planned, and says what it claims to say."""

import re
from pathlib import Path

import pytest

from hpsearch.cli.estimates import estimate
from hpsearch.cli.gpus import gpu
from hpsearch.study.file import read
from hpsearch.tricks import he2019, torchvision2021

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.py"))
PUBLIC = ["bag_of_tricks_imagenet", "bag_of_tricks_cifar10", "bag_of_tricks_imagenette", "torchvision_ladder"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of pictures that stands for whatever $HPSEARCH_DATA is meant to be."""
    for part, count in (("train", 100), ("val", 100)):
        for name in ("one", "two"):
            place = tmp_path / part / name
            place.mkdir(parents=True)
            for i in range(count):
                (place / f"{i}.jpg").touch()
    monkeypatch.setenv("HPSEARCH_DATA", str(tmp_path))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_can_be_read_and_says_how_it_is_run(path, folder):
    found = read(path)
    assert found.study.question.endswith("?")
    assert found.study.trials > 0
    assert found.text.startswith('"""')


@pytest.mark.parametrize("name", PUBLIC)
def test_studies_of_public_data_need_none_of_it_to_be_planned(name, monkeypatch):
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    study = read(ROOT / "studies" / f"{name}.py").study
    assert len({trial.key for trial in (study.student(arm, 0, "final") for arm in study.plan.arms)}) == len(study.plan.arms)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_cost_that_a_study_states_is_what_plan_estimates(name, monkeypatch):
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    found = read(ROOT / "studies" / f"{name}.py")
    stated, device, trials = re.search(r"ome ([\d,.]+) hours of one (\S+) for (\d+) trials", found.text).groups()
    cores = int(re.search(rf"plan studies/{name}.py --gpu {device}(?: --cpus (\d+))?", found.text)[1] or 1)
    assert float(stated.replace(",", "")) == pytest.approx(estimate(found.study, gpu(device), cores).hours, rel=0.02)
    assert int(trials) == found.study.trials


def imagenet(monkeypatch):
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    return read(ROOT / "studies" / "bag_of_tricks_imagenet.py").study


def test_the_imagenet_study_is_the_published_ladder(monkeypatch):
    study = imagenet(monkeypatch)
    base = study.base
    assert (base.batch_size, base.epochs, base.depth, base.downsample_in, base.precision) == (256, 120, 50, "1x1", "fp32")
    assert (base.learning_rate, base.schedule, base.weight_decay, base.optimiser) == (0.1, "step", 1e-4, "nag")
    ladder = [contrast for contrast in study.plan.contrasts if contrast.design == "ladder"]
    published = [rung.name for rung in he2019.ladder if 2 <= int(rung.rung.rstrip("ab")) <= 11]
    assert [contrast.trick.name for contrast in ladder[:10]] == published
    assert ladder[10].name == "all 10 together"


def test_above_it_stand_the_two_by_two_and_the_control(monkeypatch):
    study = imagenet(monkeypatch)
    full = set(he2019.stack)
    above = {frozenset(t.name for t in set(arm.tricks) - full): arm for arm in study.plan.arms if full <= set(arm.tricks)}
    assert set(above) == {
        frozenset(),
        frozenset({"mixup, 200 epochs"}),
        frozenset({"distillation"}),
        frozenset({"mixup, 200 epochs", "distillation"}),
        frozenset({"200 epochs"}),
    }
    lengths = {names: study.length(study.config(arm)) for names, arm in above.items()}
    assert lengths[frozenset({"distillation"})] == lengths[frozenset()] == 120
    assert lengths[frozenset({"200 epochs"})] == lengths[frozenset({"mixup, 200 epochs", "distillation"})] == 200
    control = next(contrast for contrast in study.plan.contrasts if contrast.name == "mixup at equal epochs")
    configs = {weight: study.config(arm) for arm, weight in control.weights}
    assert (configs[1.0].mixup, configs[-1.0].mixup) == (0.2, 0.0)
    assert configs[1.0].epochs == configs[-1.0].epochs == 200


def test_its_teachers_are_the_papers(monkeypatch):
    teachers = imagenet(monkeypatch).teachers
    assert [(t.config.depth, t.config.mixup, t.config.epochs, t.config.smoothing) for t in teachers] == [
        (152, 0.0, 120, 0.1),
        (152, 0.2, 200, 0.1),
    ]
    for teacher in teachers:
        assert teacher.config.deep_stem
        assert teacher.config.pool_in_shortcut
        assert teacher.config.schedule == "cosine"
        assert teacher.config.teacher is None


def test_the_torchvision_study_is_its_ladder(monkeypatch):
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    study = read(ROOT / "studies" / "torchvision_ladder.py").study
    last = study.config(study.plan.top)
    assert len(study.plan.arms) == 13
    assert (last.epochs, last.batch_size, last.learning_rate, last.weight_decay) == (600, 1024, 0.125, 2e-5)
    assert (last.train_size, last.test_size, last.test_resize, last.repeats) == (176, 224, 232, 4)
    assert torchvision2021.ACCURACIES[0][0] + sum(t.claims[0].value for t in torchvision2021.stack) == pytest.approx(80.858)
