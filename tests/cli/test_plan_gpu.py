"""Hours on a stated GPU: the arithmetic by hand, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch import Refused, Round, Space, Study, Trick, Tune, Uniform, ladder
from hpsearch.cli.estimates import estimate, said
from hpsearch.cli.gpus import GPUS, REFERENCE, gpu, hours
from hpsearch.training import ImageFolder, Recipe, digits, image_folder, imagenet
from hpsearch.tricks.he2019 import distilled
from tests.cli.giving import giving
from tests.trials.taught import Pupil, learn

ROOT = Path(__file__).parents[2]
B = Recipe(data=imagenet("/nowhere"), downsample_in="3x3", epochs=90)
COSINE = Trick("cosine", {"schedule": "cosine"})


def study(**changes):
    return Study(**{"question": "?", "base": B, "vary": ladder(COSINE), "seeds": 2, **changes})


def test_resnet_50_takes_what_the_published_speed_says():
    # 4 trials of 90 epochs: 1,281,167 images learned from at 1,895 a second, and 50,000 scored at three times that
    expected = 4 * 90 * (1_281_167 + 50_000 / 3) / 1895 / 3600
    assert hours(study(), gpu("H100")) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_runs_at_the_speed_published_for_it(precision):
    half = hours(study(base=replace(B, precision=precision)), gpu("H100"))
    assert half / hours(study(), gpu("H100")) == pytest.approx(1895 / 2790)


def test_twice_the_size_takes_four_times_as_long():
    large = hours(study(base=replace(B, train_size=448, test_size=448)), gpu("A100"))
    assert large == pytest.approx(4 * hours(study(), gpu("A100")), rel=0.01)


def test_searches_and_teachers_are_counted():
    tune = Tune(Space(weight_decay=10 ** Uniform(-5, -3)), rounds=(Round(points=6, epochs=30),), arms="base")
    one_epoch = hours(study(), gpu("H100")) / (4 * 90)
    assert hours(study(tune=tune), gpu("H100")) == pytest.approx((360 + 180 * 1_231_167 / 1_281_167) * one_epoch, rel=1e-2)
    taught = study(vary=ladder(distilled(depth=152)))
    # ResNet-152-D is 11.753 / 4.089 as much work: once as the teacher, 90 epochs in fp16, and a third of that in each of two students
    share = 11.753 / 4.089
    assert hours(taught, gpu("H100")) == pytest.approx((360 + 90 * share * 1895 / 2790 + 180 * share / 3) * one_epoch, rel=2e-2)


@pytest.mark.parametrize("device", GPUS, ids=lambda device: device.name)
def test_every_speed_has_a_source(device):
    assert device.images_per_second("fp16") > device.images_per_second("fp32") > 100
    assert "Lambda" in device.source  # one benchmark for all, or a slower GPU may look like the faster one
    assert gpu(device.name.upper()) is device


# by hand: 360 epochs, each 1,281,167 images learned from at 1,895 a second on the GPU, 50,000 scored at three times that
LEARNED, SCORED = 360 * 1_281_167, 360 * 50_000
AUGMENTED = {"trivial_augment": True, "train_size": 224}


@pytest.mark.parametrize(
    ("changes", "cores", "learning", "scoring"),
    [
        ({}, 1, 251, 251),
        ({}, 4, 4 * 251, 4 * 251),
        ({}, 64, 1895, 3 * 1895),  # the network binds
        (AUGMENTED, 1, 1 / (1 / 251 + 1 / 368), 251),
        (AUGMENTED, 8, 1 / (1 / 368 + 1 / 1895), 8 * 251),  # on one core, however many there are, and in turns with the GPU
        (AUGMENTED, 64, 1 / (1 / 368 + 1 / 1895), 3 * 1895),
        ({"trivial_augment": True, "train_size": 112}, 64, 1 / (1 / (4 * 368) + 1 / 1895), 3 * 1895),
        ({"trivial_augment": True, "train_size": 56}, 64, 1 / (1 / (16 * 368) + 1 / 1895), 3 * 1895),
        ({**AUGMENTED, "data": image_folder("/nowhere", 256)}, 8, 1 / (1 / 368 + 1 / 1895), 3 * 1895),
    ],
)
def test_the_slower_of_network_and_input_decides(monkeypatch, changes, cores, learning, scoring):
    monkeypatch.setattr(ImageFolder, "counts", lambda self: imagenet("/nowhere").counts())
    monkeypatch.setattr(ImageFolder, "identity", lambda self: {"is": "ImageFolder", "size": self.size})
    base = replace(B, **{"test_size": 224, "test_resize": 256, **changes})
    monkeypatch.setattr("hpsearch.cli.gpus._work", lambda *_: REFERENCE)  # of the network at 224 pixels
    found = estimate(study(base=base, vary=ladder(COSINE)), gpu("H100"), cores)
    assert found.hours == pytest.approx((LEARNED / learning + SCORED / scoring) / 3600, rel=1e-6)
    assert found.bound == (learning < 1895)
    lines = " ".join(said(found, gpu("H100")))
    assert ("the network is the bottleneck" in lines) == (learning == 1895)
    assert ("the network waits for the input" in lines) == (changes.get("train_size") == 56)
    assert ("TrivialAugment at 224 pixels, on one core, whatever --cpus is, while the GPU waits" in lines) == (found.trivial)
    assert found.trivial == (cores > 1 and "trivial_augment" in changes)


def test_a_data_set_that_is_decoded_once_costs_no_cpu():
    decoded = study(base=Recipe(data=digits(), epochs=5, depth=14, width=8, stem="small"))
    found = estimate(decoded, gpu("H100"), 1)
    assert found.hours == found.network == hours(decoded, gpu("H100"))


def test_refuses_a_gpu_without_a_published_speed():
    with pytest.raises(Refused, match=r"no published speed is known for the GPU 'H1000': choose one of H200, H100, .*, V100, A10$"):
        gpu("H1000")


def test_refuses_a_training_function_of_ones_own():
    own = Study(question="?", train=learn, base=Pupil(), vary=ladder(Trick("a", {"size": 2})), seeds=2, epochs=1)
    with pytest.raises(Refused, match="can estimate only the built-in recipes"):
        hours(own, gpu("H100"))


def test_the_command_prints_trials_epochs_and_hours(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("HPSEARCH_DATA", raising=False)
    code, printed, complaint = giving(monkeypatch, capsys)(
        "plan", "studies/bag_of_tricks_imagenet.py", "--gpu", "h100", "--cpus", "8"
    )
    assert (code, complaint) == (0, "")
    words = " ".join(printed.split())
    for part in (
        "trials 47 wanted",
        "epochs 6,440 in total",
        "1,323 on one H100 with 8 cores for each trial",
        "the input is the bottleneck: the GPU alone would take 1,142 hours; 251 images/s per core for decoding files (CPU time of one core",
        "what would help: more --cpus, or images that are decoded once",
        "2,790 images/s in half precision and 1,895 in fp32 of ResNet-50 at 224 pixels",
        "small networks and small images run slower",
        "HPSEARCH_DATA is not set",
    ):
        assert part in words
