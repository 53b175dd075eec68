"""Weights and inputs for networks that nobody trained: seeded, and of a scale at which time does not depend on values.

Weights drawn without regard to the network let activations grow or shrink from layer to layer. They end as infinities,
zeros or subnormal numbers, which some processors multiply many times slower, and low precisions then compare noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edgebench import architectures
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

_SHIFT_STD = 0.3  # of each channel's mean: channels that were all alike would leave nothing after global pooling
_SCALES = (0.75, 1.25)  # of each channel after batch norm, so that folding it is not folding ones
_ADDED = 0.25  # of a residual block's last batch norm: blocks that add as much as they get blow rounding errors up
_SAMPLES = 16  # fewer values than this in a channel say nothing of its mean and deviation: the layer's are taken
_FLOOR = 0.1  # of the layer's deviation: a channel that hardly varies is not blown up more than that


def make_inputs(model: architectures.Model, seed: int, batch: int = 1) -> dict[str, Tensor]:
    """Return normally distributed inputs, the same ones for the same seed."""
    import torch

    generator = torch.Generator().manual_seed(2 * seed + 1)  # never the stream that `calibrate` draws weights from
    shapes = architectures.input_shapes(model, batch)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def calibrate(module: nn.Module, inputs: dict[str, Tensor], seed: int) -> None:
    """Set all weights in place: convolutions, linear layers and batch norms then give about N(0, 1) for these inputs.

    The codes of a radial basis layer are drawn too. The module's own values are never read, so it may come from
    `to_empty`; it is left in evaluation mode.
    """
    import torch
    from torch import nn

    module.eval()
    hooks = []
    with torch.no_grad(), _one_thread():
        _draw(module, torch.Generator().manual_seed(2 * seed))
        try:
            for layer in module.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    hooks.append(layer.register_forward_pre_hook(_observe))
                elif isinstance(layer, nn.Conv2d | nn.Linear):
                    hooks.append(layer.register_forward_hook(_rescale))
            module(*inputs.values())
        finally:
            for hook in hooks:
                hook.remove()


@contextmanager
def _one_thread() -> Iterator[None]:
    # Sums over several threads round by their number: one seed would give other weights on another machine.
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _draw(module: nn.Module, generator: Generator) -> None:
    from edgebench.architectures._blocks import Residual

    for name, layer in module.named_modules():
        _draw_layer(name, layer, generator)
    for block in module.modules():
        if isinstance(block, Residual):
            for values in block.last.parameters():
                values.mul_(_ADDED)


def _draw_layer(name: str, layer: nn.Module, generator: Generator) -> None:
    from torch import nn

    from edgebench.architectures._blocks import RadialBasis

    if isinstance(layer, nn.Conv2d | nn.Linear):
        # He et al. 2015, equation 10: deviation sqrt(2 / fan-in) keeps the scale through ReLU.
        layer.weight.normal_(0.0, math.sqrt(2 / layer.weight[0].numel()), generator=generator)
    elif isinstance(layer, nn.BatchNorm2d):
        layer.reset_running_stats()
        layer.weight.uniform_(*_SCALES, generator=generator)
    elif isinstance(layer, RadialBasis):
        layer.codes.bernoulli_(0.5, generator=generator).mul_(2).sub_(1)
    elif [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]:
        raise UsageError(
            f"Cannot draw weights for {type(layer).__name__} (layer {name or 'at the top'}): "
            "expected Conv2d, Linear, BatchNorm2d or RadialBasis."
        )
    if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d) and layer.bias is not None:
        layer.bias.normal_(0.0, _SHIFT_STD, generator=generator)


def _rescale(layer: nn.Conv2d | nn.Linear, _: Any, output: Tensor) -> Tensor:
    # The drawn bias stays as the channel's mean: y' = (y - mean) / std + bias, and w, b follow. Without a bias only the
    # scale can be set; centring is then up to the batch norm that comes next.
    from torch import nn

    mean, std = _statistics(output, 1 if isinstance(layer, nn.Conv2d) else -1)
    channelwise = (-1,) + (1,) * (output.dim() - 2) if isinstance(layer, nn.Conv2d) else (-1,)
    layer.weight.div_(std.reshape(-1, *(1,) * (layer.weight.dim() - 1)))
    if layer.bias is None:
        return output / std.reshape(channelwise)
    shift = layer.bias.clone()
    layer.bias.copy_((shift - mean) / std + shift)
    return output.sub(mean.reshape(channelwise)).div_(std.reshape(channelwise)).add_(shift.reshape(channelwise))


def _observe(layer: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
    mean, std = _statistics(inputs[0], 1)
    if layer.running_mean is not None and layer.running_var is not None:
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(std.square())


def _statistics(values: Tensor, channel_dim: int) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of each channel, or the whole layer's for each when a channel has too few values."""
    channels = values.movedim(channel_dim, 0).flatten(1)
    std, mean = channels.std(correction=0), channels.mean()
    if channels.shape[1] < _SAMPLES:
        return mean.expand(len(channels)), std.expand(len(channels))
    return channels.mean(dim=1), channels.std(dim=1, correction=0).clamp_min(_FLOOR * std)
