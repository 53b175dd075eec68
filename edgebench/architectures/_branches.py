"""Blocks whose parts stand side by side; imports torch, so import it where a network is built."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


class Sum(nn.Module):
    """A main path and a shortcut around it, added up."""

    def __init__(self, main: nn.Module, shortcut: nn.Module) -> None:
        """Take the two; the shortcut that passes its input on is `nn.Identity`."""
        super().__init__()
        self.main = main
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of what both paths make of the input."""
        return self.main(x) + self.shortcut(x)  # type: ignore[no-any-return]


class Mixed(nn.Module):
    """Inception V3's module: branches that read one map and may fork, their outputs joined along the channels."""

    def __init__(self, layers: Mapping[str, nn.Module], branches: Iterable[tuple[str, ...]]) -> None:
        """Take the layers by name, and for each branch the names of its layers in order.

        Two branches may begin with the same layers: these run once, and the branches fork behind them.
        """
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self._branches = tuple(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of the branches in their order."""
        made: dict[tuple[str, ...], Tensor] = {(): x}
        for branch in self._branches:
            for end in range(1, len(branch) + 1):
                if branch[:end] not in made:
                    made[branch[:end]] = self.get_submodule(branch[end - 1])(made[branch[: end - 1]])
        return torch.cat([made[branch] for branch in self._branches], dim=1)


class DenseLayer(nn.Module):
    """DenseNet's unit: what its layers make of all maps so far is appended to these maps."""

    def __init__(self, layers: Mapping[str, nn.Module]) -> None:
        """Take the layers by name, in order."""
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        """Return the input with the new maps behind it along the channels."""
        # [n, c + k, h, w] = cat([n, c, h, w], layers([n, c, h, w]))
        new = x
        for layer in self.children():
            new = layer(new)
        return torch.cat([x, new], dim=1)


class ShuffleUnit(nn.Module):
    """ShuffleNetV2's unit: two branches, their channels interleaved; the first branch is empty at stride 1."""

    def __init__(self, branch1: nn.Module, branch2: nn.Module, *, split: bool) -> None:
        """Take the branches, named as in torchvision; `split` gives each one half of the channels, else both all."""
        super().__init__()
        self.branch1 = branch1
        self.branch2 = branch2
        self._split = split

    def forward(self, x: Tensor) -> Tensor:
        """Return the channels of both branches, one of the first and one of the second in turn."""
        if self._split:
            left, right = x.chunk(2, dim=1)
        else:
            left, right = self.branch1(x), x
        x = torch.cat([left, self.branch2(right)], dim=1)
        # [n, 2 c, h, w] -> [n, 2, c, h, w] -> [n, c, 2, h, w] -> [n, 2 c, h, w]
        batch, channels, height, width = x.shape
        return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, channels, height, width)
