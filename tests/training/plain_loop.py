"""The same training twice: by our loop, and by a plain loop over timm's and torchvision's parts that shares no code with ours.

python -m tests.training.plain_loop DATA --seeds 8 --slots 4     with DATA/train and DATA/val in folders by class (EuroSAT)

The recipe holds a dozen tricks at once: ResNet-B, C and D, zero gamma, no bias decay, linear scaling, warmup, cosine, label
smoothing in the paper's form, mixup, random crops and flips. Both loops are scored on ``val`` after the last epoch.
"""

import argparse
import math
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

SIZE, EPOCHS, BATCH, WIDTH, RATE, DECAY, MOMENTUM = 32, 4, 64, 8, 0.8, 5e-4, 0.9
WARMUP, SMOOTHING, MIXUP, PAD = 0.1, 0.1, 0.2, 4


def ours(folder: str, seed: int) -> float:
    """Top-1 in percent by our loop."""
    from hpsearch.training import Recipe, image_folder
    from hpsearch.training.images.loop import train
    from tests.training.fake_run import FakeRun

    recipe = Recipe(
        data=image_folder(folder, SIZE), epochs=EPOCHS, batch_size=BATCH, depth=14, width=WIDTH, stem="small",
        downsample_in="3x3", deep_stem=True, pool_in_shortcut=True, zero_gamma=True, initialisation="xavier",
        decay_biases=False, decay_gammas=False, decay_betas=False, learning_rate=RATE, momentum=MOMENTUM, weight_decay=DECAY,
        schedule="cosine", warmup=WARMUP, smoothing=SMOOTHING, mixup=MIXUP, crop="pad", pad=PAD, flip=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        run = FakeRun(Path(scratch), held_out="final")
        *_, last = train(recipe, seed, EPOCHS, run)
    return last["top1"]


def theirs(folder: str, seed: int) -> float:
    """Top-1 in percent by the plain loop."""
    import timm
    import torch
    from torch import nn
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    pixels = [v2.ToImage(), v2.Resize(SIZE), v2.CenterCrop(SIZE)]
    plain = ImageFolder(f"{folder}/train", v2.Compose([*pixels, v2.ToDtype(torch.float32, scale=True)]))
    every = torch.stack([image for image, _ in plain])
    mean, deviation = every.mean((0, 2, 3)).tolist(), every.std((0, 2, 3)).tolist()
    normal = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, deviation)]
    random = [v2.RandomCrop(SIZE, padding=PAD), v2.RandomHorizontalFlip()]
    learned = ImageFolder(f"{folder}/train", v2.Compose([*pixels, *random, *normal]))
    scored = ImageFolder(f"{folder}/val", v2.Compose([*pixels, *normal]))
    batches = torch.utils.data.DataLoader(learned, BATCH, shuffle=True, drop_last=True)
    classes = len(learned.classes)

    # timm's ResNet-D with one bottleneck per stage, and a stem that keeps the size of the image
    widths = tuple(WIDTH * 2**stage for stage in range(4))
    model = timm.models.resnet.ResNet(
        timm.models.resnet.Bottleneck, [1, 1, 1, 1], num_classes=classes, channels=widths, stem_width=WIDTH // 2,
        stem_type="deep", avg_down=True, zero_init_last=True,
    )  # fmt: skip
    model.conv1[0] = nn.Conv2d(3, WIDTH // 2, 3, padding=1, bias=False)
    model.conv1[6] = nn.Conv2d(WIDTH // 2, WIDTH, 3, padding=1, bias=False)
    model.bn1 = nn.BatchNorm2d(WIDTH)
    model.layer1 = timm_stage(model, widths, WIDTH)
    nn.init.zeros_(model.layer1[0].bn3.weight)
    model.maxpool = nn.Identity()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    nn.init.zeros_(model.fc.bias)

    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    mover = torch.optim.SGD(groups, lr=RATE * BATCH / 256, momentum=MOMENTUM, nesterov=True)
    steps = EPOCHS * len(batches)
    warm = WARMUP * steps

    def shape(i: int) -> float:
        return i / warm if i < warm else 0.5 * (1 + math.cos(math.pi * (i - warm) / (steps - warm)))

    rates = torch.optim.lr_scheduler.LambdaLR(mover, shape)
    mix = v2.MixUp(alpha=MIXUP, num_classes=classes)
    criterion = nn.CrossEntropyLoss(label_smoothing=SMOOTHING * classes / (classes - 1))
    for _ in range(EPOCHS):
        model.train()
        for images, labels in batches:
            images, targets = mix(images, labels)
            mover.zero_grad()
            criterion(model(images), targets).backward()
            mover.step()
            rates.step()
    model.eval()
    with torch.inference_mode():
        right = [model(images).argmax(1) == labels for images, labels in torch.utils.data.DataLoader(scored, 500)]
    return 100 * torch.cat(right).double().mean().item()


def timm_stage(model, widths, inputs):
    """timm's first stage for a stem of so few channels; timm itself fixes 64."""
    import timm

    Bottleneck = timm.models.resnet.Bottleneck
    outputs = widths[0] * Bottleneck.expansion
    shortcut = timm.models.resnet.downsample_avg(inputs, outputs, 1, stride=1)
    return type(model.layer1)(Bottleneck(inputs, widths[0], downsample=shortcut))


def main() -> None:
    from scipy import stats

    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--slots", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    began = time.monotonic()
    with ProcessPoolExecutor(asked.slots) as pool:
        runs = [(loop, pool.submit(loop, asked.data, seed)) for seed in range(asked.seeds) for loop in (ours, theirs)]
        scores = {loop: [run.result() for its, run in runs if its is loop] for loop in (ours, theirs)}
    test = stats.ttest_ind(scores[ours], scores[theirs], equal_var=False)
    low, high = test.confidence_interval(0.95)
    mean = {loop: sum(values) / len(values) for loop, values in scores.items()}
    print("| loop | top-1, percent, by seed | mean |\n|---|---|---|")
    for loop, name in ((ours, "hpsearch"), (theirs, "plain, timm and torchvision")):
        print(f"| {name} | {', '.join(f'{value:.2f}' for value in scores[loop])} | {mean[loop]:.2f} |")
    verdict = "the interval holds 0" if low <= 0 <= high else "THE LOOPS DISAGREE"
    print(f"\nDifference {mean[ours] - mean[theirs]:+.2f} points, 95 % interval [{low:+.2f}, {high:+.2f}] (Welch): {verdict}.")
    print(f"{asked.seeds} seeds each, {time.monotonic() - began:.0f} s on {asked.slots} slots.")


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    main()
