"""A first study on the digits that come with scikit-learn: change the question, the base, the tricks and the ranges."""

from hpsearch import OneMinus, Round, Space, Study, Tune, Uniform, ladder, leave_one_out
from hpsearch.training import Recipe, digits
from hpsearch.tricks.he2019 import cosine, label_smoothing, no_bias_decay, resnet_d, warmup, zero_gamma

tricks = (warmup, zero_gamma, no_bias_decay, resnet_d, cosine, label_smoothing)

study = Study(
    question="Which of six tricks from ImageNet help a small residual network that sees few digits, for 8 epochs?",
    base=Recipe(data=digits(images=450), epochs=8, batch_size=32, depth=14, width=8, stem="small"),
    vary=ladder(*tricks) | leave_one_out(*tricks),
    tune=Tune(
        Space(
            learning_rate=10 ** Uniform(-2, 1),  # at the peak, per 256 images
            weight_decay=10 ** Uniform(-5, -2),
            momentum=OneMinus(10 ** Uniform(-2, -0.5)),  # uniform in the logarithm of 1 - momentum
        ),
        rounds=(Round(points=16, epochs=2, keep=3), Round(points=8, epochs=4, keep=2), Round(points=4, epochs=8)),
        arms="base",  # one search for all arms; "each" gives every arm its own, at twelve times the cost
    ),
    seeds=5,
    budget=700,  # epochs, all trials together
)
