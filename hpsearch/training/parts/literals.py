"""Choices that a recipe names and a part decides on, for parts that need torch: a recipe is named without it.

A choice that is added here has no case yet, so mypy fails at every ``assert_never`` that it reaches.
"""

from typing import Literal

Interpolation = Literal["nearest", "bilinear"]  # of the pixels between the pixels
PlateauOn = Literal["training", "tuning"]
Norm = Literal["batch", "ghost", "layer", "group", "weight", "none"]
Initialisation = Literal["xavier", "msra", "uniform", "gaussian", "zero"]
Loss = Literal["cross entropy", "hinge"]
SmoothingForm = Literal["paper", "code"]
Partner = Literal["permutation", "reversal"]
Precision = Literal["fp32", "bf16", "fp16"]
LossScaling = Literal["static", "dynamic"]
Colour = Literal["none", "paper", "gluoncv"]
ImageNets = Literal["imagenet", "recordio"]  # whose mean and deviation of ImageNet
