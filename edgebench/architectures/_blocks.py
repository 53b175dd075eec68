"""Blocks that a sequence of layers cannot express; imports torch, so import it where a network is built."""

import torch
from torch import Tensor, nn


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
