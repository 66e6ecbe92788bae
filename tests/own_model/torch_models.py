"""Small PyTorch modules as a user's file would hold them."""

import torch
from torch import nn


class TwoInTwoOut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(5, 6), nn.Linear(3, 6)
        self.three, self.one = nn.Linear(12, 3), nn.Linear(12, 1)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
        joined = torch.cat([torch.tanh(self.left(left)), self.right(right)], dim=1)
        return {"three": self.three(joined), "one": self.one(joined)}


def two_in_two_out() -> nn.Module:
    return TwoInTwoOut()


def images() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    )


class Frozen(nn.Module):
    """Answers one row at a time alone."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.reshape(1, 5))


def frozen() -> nn.Module:
    return Frozen()
