"""Seven tricks on satellite photographs: the quickstart's question on an ImageFolder, EuroSAT's 64 x 64 pixels shrunk to 32.

hpsearch run studies/eurosat_small.py --data FOLDER      (or HPSEARCH_DATA=FOLDER), with FOLDER/train and FOLDER/val
"""

from hpsearch import OneMinus, Round, Space, Study, Tune, Uniform, ladder, leave_one_out
from hpsearch.training import Recipe, image_folder
from hpsearch.tricks.he2019 import cosine, label_smoothing, mixup, no_bias_decay, resnet_d, warmup, zero_gamma

tricks = (warmup, zero_gamma, no_bias_decay, resnet_d, cosine, label_smoothing, mixup)

study = Study(
    question="Which of seven tricks from ImageNet help a small residual network on 1,000 satellite photographs, for 12 epochs?",
    base=Recipe(
        data=image_folder("$HPSEARCH_DATA", size=32, per_class=100, final_per_class=100),
        epochs=12,
        batch_size=32,
        depth=14,
        width=8,
        stem="small",
        crop="pad",
        flip=True,
    ),
    vary=ladder(*tricks) | leave_one_out(*tricks),
    tune=Tune(
        Space(
            learning_rate=10 ** Uniform(-2, 1),  # at the peak, per 256 images
            weight_decay=10 ** Uniform(-5, -2),
            momentum=OneMinus(10 ** Uniform(-2, -0.5)),  # even in the logarithm of 1 - momentum
        ),
        rounds=(Round(points=24, epochs=2, keep=4), Round(points=12, epochs=6, keep=3), Round(points=6, epochs=12)),
        arms="base",
    ),
    seeds=6,
)
