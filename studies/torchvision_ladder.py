"""torchvision's own ladder on ImageNet: twelve steps over its baseline, from 76.130 to 80.858.

hpsearch plan studies/torchvision_ladder.py --gpu H100 --cpus 8
hpsearch run studies/torchvision_ladder.py --data FOLDER --gpus 1 --cpus 8      with FOLDER/train and FOLDER/val (ILSVRC 2012)

Some 18,177 hours of one H100 for 39 trials (`hpsearch plan --gpu`, from published speeds), all in fp32: mixed precision is no step.
The GPU alone would take 3,089 of them. TrivialAugment goes image by image on one core, 368 a second at 224 pixels and 596 at the
176 of FixRes (4 of the 13 arms), and takes turns with the GPU; beyond 8 cores more lift nothing.
"""

from hpsearch import Study, ladder
from hpsearch.training import imagenet, preset
from hpsearch.tricks.torchvision2021 import baseline, stack

study = Study(
    question="What is each step of torchvision's training recipe worth, with more than the best of three runs to tell?",
    base=preset(baseline, imagenet("$HPSEARCH_DATA")),
    vary=ladder(*stack),
    seeds=3,
)
