"""Training one recipe once, from the seed to the last row; read from top to bottom."""

import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from hpsearch.errors import Refused
from hpsearch.run import Row, Run
from hpsearch.training.augmentation import flipped, padded_crop, resized_crop
from hpsearch.training.data.images import Images
from hpsearch.training.evaluate import evaluate
from hpsearch.training.initialisation import initialise
from hpsearch.training.losses import cross_entropy, smoothed
from hpsearch.training.mixing import mix, weight
from hpsearch.training.models.resnet import resnet
from hpsearch.training.optimisers import optimiser
from hpsearch.training.precision import autocast, scaler
from hpsearch.training.recipe import Recipe
from hpsearch.training.schedules import factor
from hpsearch.training.streams import streams

SAMPLE = 4096  # training images that the mean and deviation are taken from, at most
RESIDENT = 0.5  # share of an accelerator's free memory that the images may take; more stay in the host's memory
IMAGES = 256  # that learning_rate is given for


def train(recipe: Recipe, seed: int, epochs: int, run: Run) -> Iterator[Row]:
    """Train ``recipe`` and yield one row per epoch; goes on after the rows of ``run``, with rows equal to the bit on a CPU.

    A row holds ``train_loss`` (nats, on the smoothed and mixed targets), ``loss`` (nats), ``top1`` and ``top5`` (percent) on
    the held-out images, ``learning_rate`` (of the epoch's last step), ``seconds`` (of the epoch) and ``images_per_second``
    (trained on). A loss that is not finite is yielded as it is: whoever asks decides.
    """
    if epochs != recipe.epochs:
        raise Refused(f"the recipe's schedule is made for epochs={recipe.epochs}, got epochs={epochs}: give both the same")
    torch.set_num_threads(run.threads)

    # the images of the two roles, and what turns positions into a batch
    images = recipe.data.load(run.cache)
    learned, scored = (torch.from_numpy(role(run.held_out)) for role in (images.learned, images.scored))
    pixels, labels = _placed(torch.from_numpy(images.pixels), run.device), torch.from_numpy(images.labels)
    mean, deviation = (statistic.to(run.device) for statistic in _statistics(images, learned))
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format

    def batch_of(positions: Tensor) -> tuple[Tensor, Tensor]:
        """Images (batch, channels, size, size), floats 0..255, and labels (batch,)."""
        raw = pixels[positions.to(pixels.device)].to(run.device)
        return raw.permute(0, 3, 1, 2).float(), labels[positions].to(run.device)

    def normal(raw: Tensor) -> Tensor:
        return raw.sub(mean).div_(deviation).contiguous(memory_format=layout)

    def normal_batch_of(positions: Tensor) -> tuple[Tensor, Tensor]:
        raw, its_labels = batch_of(positions)
        return normal(raw), its_labels

    # the model and what moves it; every random number comes from the seed
    generators = streams(seed)
    model = resnet(recipe, images.channels, images.classes)
    initialise(model, recipe.initialisation, recipe.zero_gamma, generators["initialisation"])
    model.to(run.device).to(memory_format=layout)
    sgd, loss_scale = optimiser(model, recipe), scaler(recipe.precision, run.device)

    # a ragged last batch is left out, because its batch norm would be another one; a small training set is one batch
    batch_size = min(recipe.batch_size, len(learned))
    steps = len(learned) // batch_size
    peak = recipe.learning_rate * batch_size / IMAGES

    done = 0
    if run.latest is not None:
        state = torch.load(run.latest, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        sgd.load_state_dict(state["optimiser"])
        loss_scale.load_state_dict(state["scaler"])
        for purpose, generator in generators.items():
            generator.set_state(state["generators"][purpose])
        done = state["epoch"]
    if done != len(run.rows):
        raise Refused(f"the checkpoint is of epoch {done} but {len(run.rows)} rows are sealed: start the trial again from neither")

    for epoch in range(done, epochs):
        started = time.perf_counter()
        model.train()
        train_loss = torch.zeros((), dtype=torch.float64, device=run.device)
        order = learned[torch.randperm(len(learned), generator=generators["order"])]
        for i in range(steps):
            rate = peak * factor(recipe, (epoch * steps + i) / (epochs * steps))
            for group in sgd.param_groups:
                group["lr"] = rate

            raw, its_labels = batch_of(order[i * batch_size : (i + 1) * batch_size])
            if recipe.crop == "pad":
                raw = padded_crop(raw, recipe.pad, generators["augmentation"])
            if recipe.crop == "resized":
                raw = resized_crop(raw, generators["augmentation"])
            if recipe.flip:
                raw = flipped(raw, generators["augmentation"])
            x, targets = normal(raw), smoothed(its_labels, images.classes, recipe.smoothing)
            if recipe.mixup > 0:
                partner = torch.randperm(batch_size, generator=generators["mixup"]).to(run.device)
                x, targets = mix(x, targets, weight(recipe.mixup, generators["mixup"]), partner)

            with autocast(recipe.precision, run.device):
                loss = cross_entropy(model(x), targets)
            sgd.zero_grad(set_to_none=True)
            torch.autograd.backward(loss_scale.scale(loss))
            loss_scale.step(sgd)
            loss_scale.update()
            train_loss += loss.detach() / steps
        mean_loss = train_loss.item()  # waits for the accelerator, so that the clock below tells the truth
        trained = time.perf_counter()

        with autocast(recipe.precision, run.device):
            scores = evaluate(model, scored, normal_batch_of, images.size)
        with run.saving() as path:
            purposes = {purpose: generator.get_state() for purpose, generator in generators.items()}
            states = {"model": model.state_dict(), "optimiser": sgd.state_dict(), "scaler": loss_scale.state_dict()}
            torch.save({**states, "generators": purposes, "epoch": epoch + 1}, path)
        if epoch + 1 == epochs:
            with run.keeping("weights.pt") as path:
                torch.save({"model": model.state_dict(), "mean": mean.cpu(), "deviation": deviation.cpu()}, path)
        yield {
            "train_loss": mean_loss,
            **scores,
            "learning_rate": rate,
            "seconds": time.perf_counter() - started,
            "images_per_second": steps * batch_size / (trained - started),
        }


def _placed(pixels: Tensor, device: str) -> Tensor:
    """The images on the accelerator when they fit there, else where they are."""
    if device == "cpu" or pixels.nbytes > RESIDENT * torch.cuda.mem_get_info()[0]:
        return pixels
    return pixels.to(device)


def _statistics(images: Images, learned: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel, (channels, 1, 1), over an even sample of the training images.

    A channel that hardly varies is divided by 1 of 255 levels instead of by next to nothing.
    """
    every = math.ceil(len(learned) / SAMPLE)
    sample = torch.from_numpy(images.pixels[learned[::every].numpy()])
    # whole-number sums are exact, so the result does not depend on the order in which they are added up
    count = sample[..., 0].numel()
    total = sample.sum((0, 1, 2), dtype=torch.int64).double()
    squares = sample.to(torch.int32).square().sum((0, 1, 2), dtype=torch.int64).double()
    mean = total / count
    deviation = (squares / count - mean.square()).clamp(min=0).sqrt().clamp(min=1)
    return mean.float()[:, None, None], deviation.float()[:, None, None]
