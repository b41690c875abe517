"""Training one recipe once, from the seed to the last row; read from top to bottom."""

import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hpsearch.errors import Refused
from hpsearch.protocol import Row, Run, is_tuning
from hpsearch.training.data.reading import reader, statistics
from hpsearch.training.images.evaluate import batch_size, evaluate
from hpsearch.training.images.inputs import augmented, plain
from hpsearch.training.images.recipe import (
    Recipe,
    average,
    built,
    counts,
    factor,
    initialised,
    loss,
    momentum_at,
    network_of,
    optimiser,
    peak,
    scaling,
)
from hpsearch.training.images.streams import streams
from hpsearch.training.images.teaching import guide
from hpsearch.training.parts.colour import pixel_statistics
from hpsearch.training.parts.losses import distillation, smoothed
from hpsearch.training.parts.mixing import mixed
from hpsearch.training.parts.norms import dropped_by
from hpsearch.training.parts.optimisers import steer
from hpsearch.training.parts.policies import erased, repeated
from hpsearch.training.parts.precision import autocast
from hpsearch.values import to_json


def train(recipe: Recipe, seed: int, epochs: int, run: Run) -> Iterator[Row]:
    """Train ``recipe`` and yield one row per epoch; resumes after the rows of ``run``, with bitwise identical rows on a CPU.

    A row holds ``train_loss`` (nats, on the smoothed and mixed targets, the teacher's part included), ``loss`` (nats), ``top1`` and
    ``top5`` (percent) on the held-out images, ``learning_rate`` (of the epoch's last step), ``seconds`` (of the epoch) and
    ``images_per_second`` (trained on); ``decayed`` and ``undecayed`` are [tensors, parameters]. With a teacher
    ``distillation_loss`` is T^2 KL, in fp16 ``skipped_steps`` counts the steps that overflowed so far, and ``tuning_loss`` (nats)
    is there where plateau follows it. A loss that is not finite is yielded as it is: whoever asks decides.
    """
    if epochs != recipe.epochs:
        raise Refused(f"the recipe's schedule is made for epochs={recipe.epochs}, got epochs={epochs}: give both the same")
    torch.set_num_threads(run.threads)

    # the images of the two roles, and what they are normalised by
    images = recipe.data.load(run.cache)
    learned = torch.from_numpy(images.learned("tuning" if recipe.watches_tuning else run.held_out))
    watched, scored = torch.from_numpy(images.tuning), torch.from_numpy(images.scored(run.held_out))
    source = reader(images, run.device, run.threads)
    if recipe.test_resize is not None and recipe.test_resize < (recipe.test_size or source.size):
        raise Refused(f"test_resize={recipe.test_resize} is less than the {source.size} pixels that are scored: give test_size too")
    if recipe.pixels == "own":
        mean, deviation = statistics(source, learned)
    else:
        mean, deviation = pixel_statistics(recipe.pixels, source.channels)
    mean, deviation = mean.to(run.device), deviation.to(run.device)
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format

    def normal(raw: Tensor) -> Tensor:
        return ((raw - mean) / deviation).contiguous(memory_format=layout)

    def labels_of(part: Tensor) -> Tensor:
        return source.labels[part].to(run.device)

    def scores_of(network: nn.Module, positions: Tensor) -> dict[str, float]:
        pieces = positions.split(batch_size(recipe.test_size or source.size))
        views = plain(recipe, source, pieces)
        with autocast(recipe.precision, run.device):
            return evaluate(network, ((normal(raw), labels_of(piece)) for raw, piece in zip(views, pieces, strict=True)))

    # a ragged last batch is left out, because its batch norm would be another one; a small training set is one batch
    batch = min(recipe.batch_size, len(learned))
    steps = len(learned) // batch
    total = epochs * steps
    highest = peak(recipe, batch)

    # the model and what moves it; every random number comes from the seed
    generators = streams(seed)
    model = initialised(built(recipe, source.channels, source.classes), recipe, generators["initialisation"])
    dropped_by(model, generators["dropout"])
    model.to(run.device).to(memory_format=layout)
    network = torch.compile(model) if recipe.compile else model
    teacher = guide(recipe, run, source.channels, source.classes, mean, deviation)
    if teacher is not None:
        teacher.network.to(memory_format=layout)
    mover, scale, averaged = optimiser(model, recipe), scaling(recipe, run.device), average(recipe, model, total)

    done = 0
    followed = "tuning_loss" if recipe.watches_tuning else "train_loss"
    losses = [float(row[followed]) for row in run.rows]  # type: ignore[arg-type]
    if run.latest is not None:
        state = torch.load(run.latest, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        mover.load_state_dict(state["optimiser"])
        scale.load_state_dict(state["scaling"])
        if averaged is not None:
            averaged.load_state_dict(state["average"])
        for purpose, generator in generators.items():
            generator.set_state(state["generators"][purpose])
        done = state["epoch"]
    if done != len(run.rows):
        raise Refused(
            f"the checkpoint is of epoch {done} but {len(run.rows)} rows are sealed: remove the trial's folder and run again"
        )

    for epoch in range(done, epochs):
        started = time.perf_counter()
        model.train()
        told, guided = torch.zeros(2, dtype=torch.float64, device=run.device)  # mean losses of the epoch
        order = repeated(learned[torch.randperm(len(learned), generator=generators["order"])], recipe.repeats)
        parts = order[: steps * batch].split(batch)
        for i, raw in enumerate(augmented(recipe, source, parts, generators)):
            progress = (epoch * steps + i) / total
            rate = highest * factor(recipe, progress, 1 / total, losses)
            steer(mover, rate, momentum_at(recipe, progress))

            targets = smoothed(labels_of(parts[i]), source.classes, recipe.smoothing, recipe.smoothing_form)
            x = normal(raw)
            if recipe.erasing > 0:
                x = erased(x, recipe.erasing, generators["augmentation"])
            x, targets = mixed(x, targets, recipe.mixup, recipe.cutmix, recipe.partner, generators["mixup"])

            mover.zero_grad(set_to_none=True)
            for some, its_targets in zip(*(whole.split(recipe.micro_batch or batch) for whole in (x, targets)), strict=True):
                share = len(some) / batch
                with autocast(recipe.precision, run.device):
                    said = teacher.logits(some) if teacher is not None else None
                    logits = network(some)
                value = share * loss(recipe, logits, its_targets, said)
                scale.backward(value)
                told += value.detach() / steps
                if said is not None:
                    guided += share * distillation(logits.detach(), said, recipe.temperature) / steps
            scale.step(mover)
            if averaged is not None:
                averaged.update(model, epoch * steps + i)
        mean_loss = told.item()  # waits for the accelerator, so that the clock below tells the truth
        trained = time.perf_counter()

        best_known = model if averaged is None else averaged.model
        scores = scores_of(best_known, scored)
        if recipe.watches_tuning:
            scores["tuning_loss"] = scores["loss"] if is_tuning(run.held_out) else scores_of(best_known, watched)["loss"]
        with run.saving() as path:
            purposes = {purpose: generator.get_state() for purpose, generator in generators.items()}
            states = {"model": model.state_dict(), "optimiser": mover.state_dict(), "scaling": scale.state_dict()}
            its_average = {"average": averaged.state_dict()} if averaged is not None else {}
            torch.save({**states, **its_average, "generators": purposes, "epoch": epoch + 1}, path)
        if epoch + 1 == epochs:
            with run.keeping("weights.pt") as path:
                statistics_of_pixels = {"mean": mean.cpu(), "deviation": deviation.cpu()}
                made = {"network": to_json(network_of(recipe)), "channels": source.channels, "classes": source.classes}
                torch.save({"model": best_known.state_dict(), **statistics_of_pixels, **made}, path)
        losses.append(scores["tuning_loss"] if recipe.watches_tuning else mean_loss)
        yield {
            "train_loss": mean_loss,
            **scores,
            **({"distillation_loss": guided.item()} if teacher is not None else {}),
            **({"skipped_steps": float(scale.skipped)} if recipe.precision == "fp16" else {}),
            "learning_rate": rate,
            "seconds": time.perf_counter() - started,
            "images_per_second": steps * batch / (trained - started),
            **counts(model, recipe),
        }
