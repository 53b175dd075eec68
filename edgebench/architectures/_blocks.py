"""Blocks that a sequence of layers cannot express; imports torch, so import it where a network is built."""

from collections import OrderedDict
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.nn import functional

# LeCun et al. 1998, section II-B and Appendix A: f(a) = A tanh(S a), so that f(1) = 1 and f(-1) = -1.
_TANH_AMPLITUDE, _TANH_SLOPE = 1.7159, 2 / 3

# Krizhevsky et al. 2012, section 3.3: n, k, alpha and beta. The paper's sum over n channels is a mean in torch.
_LRN_SIZE, _LRN_K, _LRN_ALPHA, _LRN_BETA = 5, 2.0, 1e-4, 0.75


def local_response_norm() -> nn.LocalResponseNorm:
    """Return AlexNet's normalisation across neighbouring channels."""
    return nn.LocalResponseNorm(_LRN_SIZE, alpha=_LRN_SIZE * _LRN_ALPHA, beta=_LRN_BETA, k=_LRN_K)


class Fire(nn.Module):
    """SqueezeNet's fire module: 1x1 convolutions squeeze the channels, 1x1 and 3x3 ones side by side expand them."""

    def __init__(self, in_channels: int, squeeze: int, expand: int) -> None:
        """Create the three convolutions, named as in torchvision so that its weights load."""
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeeze, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze, expand, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze, expand, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the two expansions of the squeezed input, one after the other along the channels."""
        # [n, 2 e, h, w] = cat(conv1x1([n, s, h, w]), conv3x3([n, s, h, w]))
        x = self.squeeze_activation(self.squeeze(x))
        return torch.cat(
            [self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], dim=1
        )


class Inception(nn.Module):
    """GoogLeNet's module: branches side by side on one input, their maps one after the other along the channels."""

    def __init__(self, branches: OrderedDict[str, nn.Module]) -> None:
        """Take the branches under their names, in the order in which their maps are joined."""
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps of all branches."""
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class SideBranches(nn.Module):
    """A trunk with further classifiers at its side, which GoogLeNet has while it is trained."""

    def __init__(self, trunk: OrderedDict[str, nn.Module], sides: dict[str, tuple[str, nn.Module]]) -> None:
        """Take the trunk's layers, and by the layer it follows the name and the layers of each side branch."""
        super().__init__()
        for name, layer in (*trunk.items(), *sides.values()):
            self.add_module(name, layer)
        self._trunk = tuple(trunk)
        self._sides = {after: name for after, (name, _) in sides.items()}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the trunk's scores, then those of the side branches, the deepest first, as torchvision does."""
        scores: list[Tensor] = []
        for name in self._trunk:
            x = self.get_submodule(name)(x)
            if name in self._sides:
                scores.append(self.get_submodule(self._sides[name])(x))
        return (x, *reversed(scores))


class Residual(nn.Module):
    """ResNet's block: what its layers give is added to what its shortcut gives, then rectified."""

    def __init__(self, layers: OrderedDict[str, nn.Module], shortcut: nn.Module) -> None:
        """Take the layers under their own names; the shortcut's, downsample, is torchvision's."""
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.downsample = shortcut
        self.relu = nn.ReLU(inplace=True)
        self._layers = tuple(layers)

    @property
    def last(self) -> nn.Module:
        """The layer whose output is added to the shortcut's."""
        return self.get_submodule(self._layers[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Return the rectified sum."""
        y = x
        for name in self._layers:
            y = self.get_submodule(name)(y)
        return self.relu(y + self.downsample(x))  # type: ignore[no-any-return]


class ZeroChannels(nn.Module):
    """Channels of zeros after those of the input, which cost no parameters."""

    def __init__(self, added: int) -> None:
        """Take the number of channels to add."""
        super().__init__()
        self.added = added

    def forward(self, x: Tensor) -> Tensor:
        """Return the wider maps."""
        # [n, i + added, h, w] = pad([n, i, h, w])
        return functional.pad(x, (0, 0, 0, 0, 0, self.added))


class SparseConvolution(nn.Module):
    """A convolution in which each map sees some of the input's maps only, as in C3 of LeNet-5."""

    def __init__(self, seen: tuple[tuple[int, ...], ...], kernel: int) -> None:
        """Take for each output map the input maps it sees; neighbours that see equally many share one convolution."""
        super().__init__()
        runs = [list(run) for _, run in groupby(seen, key=len)]
        self._sources = tuple(tuple(source for sources in run for source in sources) for run in runs)
        self.maps = nn.ModuleList(nn.Conv2d(len(run) * len(run[0]), len(run), kernel, groups=len(run)) for run in runs)

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps in the order of the table."""
        # [n, o, h, w] = cat over runs of conv([n, o_run * seen, h', w'], [o_run, seen, k, k])
        maps = torch.split(x, 1, dim=1)
        found = [
            convolution(torch.cat([maps[source] for source in sources], dim=1))
            for sources, convolution in zip(self._sources, self.maps, strict=True)
        ]
        return torch.cat(found, dim=1)


class ScaledTanh(nn.Module):
    """LeNet-5's squashing function."""

    def forward(self, x: Tensor) -> Tensor:
        """Return A tanh(S x)."""
        return _TANH_AMPLITUDE * torch.tanh(_TANH_SLOPE * x)


class RadialBasis(nn.Module):
    """LeNet-5's output layer: the squared distance of its input from one fixed code of -1 and 1 for each class."""

    def __init__(self, inputs: int, classes: int) -> None:
        """Create the codes by chance, one of the two ways the paper names; its drawings of the digits are the other."""
        super().__init__()
        self.codes: Tensor
        self.register_buffer("codes", torch.randint(0, 2, (classes, inputs)) * 2.0 - 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return a distance for each class, the smallest for the one it is."""
        # [n, c] = sum over i of ([n, 1, i] - [c, i])^2
        return (x.unsqueeze(1) - self.codes).square().sum(-1)
