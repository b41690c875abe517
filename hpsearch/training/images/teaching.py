"""The teacher of a student: another trial's weights, or a file's."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hpsearch.ablation.teacher import Teacher, Trained
from hpsearch.errors import Refused
from hpsearch.protocol import Run
from hpsearch.training.images.recipe import Recipe, built
from hpsearch.training.images.weights import load_pretrained


@dataclass(frozen=True, eq=False)
class Guide:
    """A network that is asked, never trained, and how its input differs from the student's."""

    network: nn.Module
    scale: Tensor  # (channels, 1, 1): the student's normalised pixels times this
    shift: Tensor  # (channels, 1, 1): plus this are the teacher's

    def logits(self, images: Tensor) -> Tensor:
        """What the teacher says to the very images the student sees, mixed as they are: (batch, classes), outside autograd."""
        with torch.no_grad():
            logits: Tensor = self.network(images * self.scale + self.shift)
        return logits


def guide(recipe: Recipe, run: Run, channels: int, classes: int, mean: Tensor, deviation: Tensor) -> Guide | None:
    """The recipe's teacher in evaluation mode, on the run's device; None without one.

    ``mean`` and ``deviation`` (channels, 1, 1) are what the student's images are normalised by; a teacher that learned under others
    gets its own.
    """
    if recipe.teacher is None:
        return None
    if isinstance(recipe.teacher, Teacher):
        raise Refused(
            "a Teacher is relative to a study's base, so a recipe outside a study needs Trained(recipe) or Pretrained(file)"
        )
    if isinstance(recipe.teacher, Trained):
        network = built(recipe.teacher.config, channels, classes)
        kept = torch.load(run.given("teacher"), map_location="cpu", weights_only=True)
        network.load_state_dict(kept["model"])
        its_mean, its_deviation = kept["mean"], kept["deviation"]
    else:
        found = load_pretrained(recipe.teacher.file, recipe.teacher.variant)
        network, its_mean, its_deviation = found.model, found.mean, found.deviation
        if (found.channels, found.classes) != (channels, classes):
            raise Refused(
                f"the teacher in {recipe.teacher.file} takes {found.channels} channels and has {found.classes} classes, "
                f"the data has {channels} and {classes}: give a teacher of the same data"
            )
    network.requires_grad_(False).eval().to(run.device)
    its_mean, its_deviation = its_mean.to(mean), its_deviation.to(deviation)
    return Guide(network, deviation / its_deviation, (mean - its_mean) / its_deviation)
