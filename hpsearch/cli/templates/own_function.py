"""A first study of your own training function: put your config and your training loop in the place of these.

Where a framework owns the loop, let ``train`` be a plain function, and a callback of the framework call ``run.report(metrics)``
once per epoch. A training without epochs returns one mapping; the study then has ``epochs=1``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits

from hpsearch import Round, Run, Space, Study, Trick, Tune, Uniform, leave_one_out


@dataclass(frozen=True)
class Config:
    learning_rate: float = 0.01
    hidden: int = 16
    scale: float = 1.0  # of the pixels, 0 to 16


def train(config: Config, seed: int, epochs: int, run: Run) -> Iterator[dict[str, float]]:
    x, y = (torch.from_numpy(part) for part in load_digits(return_X_y=True))
    start, end = (900, 1200) if run.held_out == "tuning" else (1200, 1797)  # learn from those before, score on those between
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(64, config.hidden), torch.nn.ReLU(), torch.nn.Linear(config.hidden, 10)).double()
    sgd = torch.optim.SGD(model.parameters(), lr=config.learning_rate)  # without momentum it has no state to save
    if run.latest:  # go on from the last checkpoint
        model.load_state_dict(torch.load(run.latest, weights_only=True))
    for epoch in range(len(run.rows), epochs):
        for batch in torch.randperm(start, generator=torch.Generator().manual_seed(seed * 1000 + epoch)).split(32):
            sgd.zero_grad()
            torch.nn.functional.cross_entropy(model(config.scale * x[batch]), y[batch]).backward()
            sgd.step()
        with run.saving() as path:
            torch.save(model.state_dict(), path)
        yield {"accuracy": 100 * (model(config.scale * x[start:end]).argmax(1) == y[start:end]).double().mean().item()}


arms = leave_one_out(Trick("scaled pixels", {"scale": 1 / 16}), Trick("wide layer", {"hidden": 64}))
search = Tune(Space(learning_rate=10 ** Uniform(-4, 0)), rounds=(Round(points=8, epochs=2, keep=2), Round(points=4, epochs=5)))
study = Study(question="Do both tricks help?", train=train, base=Config(), vary=arms, tune=search, epochs=5, metric="accuracy")
