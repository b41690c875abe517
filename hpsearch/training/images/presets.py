"""How He et al. 2019 prepare images and training: once as their text has it, once as their code does.

Both are settings to lay over a recipe: ``preset(paper, data=imagenet("/data/imagenet"))``. Where they differ, the reason stands
here.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from hpsearch.training.data import Dataset
from hpsearch.training.images.recipe import Recipe

_both = {
    "crop": "resized",  # area 8 to 100 %, aspect 3/4 to 4/3
    "least_area": 0.08,
    "flip": True,
    "pca_noise": 0.1,
    "train_size": 224,
    "test_resize": 256,  # short side
    "test_size": 224,
}

paper: Mapping[str, Any] = MappingProxyType(
    {
        **_both,
        "colour": "paper",  # "scale hue, saturation, and brightness" (section 2.1, step 4)
        "pixels": "recordio",  # 123.68, 116.779, 103.939 and 58.393, 57.12, 57.375 (step 6)
        "initialisation": "xavier",  # "initialized with the Xavier algorithm" (section 2.1)
        "warmup_form": "paper",  # i eta / m at batch i >= 1 (section 3.1)
        "smoothing_form": "paper",  # epsilon / (K - 1) for the others (equation 4)
        "partner": "permutation",  # "randomly sample two examples" (section 5.4)
        "hard_weight": 1.0,  # equation 6
        "soft_weight": 1.0,
    }
)

gluoncv: Mapping[str, Any] = MappingProxyType(
    {
        **_both,
        "colour": "gluoncv",  # jitter 0.4 on brightness, contrast, saturation; no hue
        "pixels": "recordio",  # the loader of the published commands, --use-rec; the other loader has "imagenet"
        "initialisation": "msra",  # mx.init.MSRAPrelu(); Xavier only in the scripts for CIFAR
        "warmup_form": "code",  # eta T / m with T from 0: the first rate in the log is 0
        "smoothing_form": "code",  # epsilon / K for all
        "partner": "reversal",  # X[::-1] within each GPU's batch
        "hard_weight": 0.5,  # --hard-weight 0.5: half the paper's loss, so half of it against the weight decay
        "soft_weight": 0.5,
    }
)


def preset(settings: Mapping[str, Any], data: Dataset) -> Recipe:
    """The recipe of a preset over a data set; of other sizes, ``preset({**paper, "test_resize": 146, ...}, data)``.

    >>> from hpsearch.training import digits
    >>> preset(gluoncv, digits()).smoothing_form
    'code'
    """
    return replace(Recipe(data=data), **settings)
