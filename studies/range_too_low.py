"""A search whose range is wrong on purpose: learning rates forty to a thousand times too small. Does it find its way out by itself?

hpsearch run studies/range_too_low.py --data FOLDER      with FOLDER/train and FOLDER/val in folders by class

The network and the photographs are those of ``bag_of_tricks_eurosat.py``, with half the width. The range of the learning rate may
widen without limit; that of the weight decay has a hard limit that the search may not pass.
"""

from hpsearch import Confirm, Round, Space, Study, Tune, Uniform
from hpsearch.training import Recipe, image_folder

study = Study(
    question="Does the search leave a range of learning rates that is far too low?",
    base=Recipe(
        data=image_folder("$HPSEARCH_DATA", size=32, per_class=100, final_per_class=100),
        epochs=8,
        batch_size=32,
        depth=14,
        width=8,
        stem="small",
        crop="pad",
        flip=True,
        channels_last=True,
    ),
    tune=Tune(
        Space(
            learning_rate=10 ** Uniform(-3.5, -2),  # at the peak, per 256 images; good values lie near 0.4
            weight_decay=10 ** Uniform(-5, -3, most=-2),
        ),
        rounds=(Round(points=24, epochs=3, keep=4), Round(points=12, epochs=5, keep=3), Round(points=8, epochs=8, keep=3)),
        confirm=Confirm(points=3, seeds=2),
    ),
    seeds=3,
)
