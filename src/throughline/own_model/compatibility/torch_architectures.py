"""PyTorch modules of eight kinds, built of PyTorch's own layers; their weights are those of their constructors.

No ``from __future__ import annotations`` here: TorchScript reads the annotations and does not resolve strings.
"""

import torch
from torch import Tensor, nn


def cnn_with_batch_norm() -> nn.Module:
    """Return a convolutional classifier whose statistics come from a few training steps on noise."""
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )
    with torch.no_grad():
        for _ in range(5):  # moves the running statistics away from 0 and 1
            network(torch.randn(8, 3, 32, 32) * 2 + 1)
    return network


class SequenceClassifier(nn.Module):
    """Two LSTM layers and a linear one on the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 24, num_layers=2, batch_first=True)
        self.head = nn.Linear(24, 5)

    def forward(self, sequence: Tensor) -> Tensor:
        """Map sequences of shape (n_samples, n_steps, 8) to logits of shape (n_samples, 5)."""
        steps, _ = self.lstm(sequence)
        logits: Tensor = self.head(steps[:, -1])
        return logits


def lstm() -> nn.Module:
    """Return the sequence classifier."""
    return SequenceClassifier()


class TokenClassifier(nn.Module):
    """Embedding, positions, `nn.TransformerEncoder`, and a linear layer on the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, 32)
        self.positions = nn.Parameter(torch.randn(1, 12, 32) * 0.1)
        layer = nn.TransformerEncoderLayer(32, 4, dim_feedforward=64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map token numbers of shape (n_samples, 12) to logits of shape (n_samples, 4)."""
        logits: Tensor = self.head(self.encoder(self.embedding(tokens) + self.positions).mean(dim=1))
        return logits


def transformer_encoder() -> nn.Module:
    """Return the token classifier."""
    return TokenClassifier()


class ImageAndTable(nn.Module):
    """An image and a row of a table in, a class and a value out."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 49, 16))
        self.table = nn.Sequential(nn.Linear(6, 16), nn.Tanh())
        self.classes = nn.Linear(32, 3)
        self.value = nn.Linear(32, 1)

    def forward(self, image: Tensor, table: Tensor) -> dict[str, Tensor]:
        """Map images (n_samples, 1, 16, 16) and rows (n_samples, 6) to probabilities and a value."""
        joined = torch.cat([self.image(image), self.table(table)], dim=1)
        return {"classes": self.classes(joined).softmax(dim=1), "value": self.value(joined)}


def two_inputs() -> nn.Module:
    """Return the model of image and table."""
    return ImageAndTable()


class BothDirections(nn.Module):
    """A GRU that reads in both directions, and a linear layer on the mean of its steps."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(8, 16, batch_first=True, bidirectional=True)
        self.head = nn.Linear(32, 5)

    def forward(self, sequence: Tensor) -> Tensor:
        """Map sequences of shape (n_samples, n_steps, 8) to logits of shape (n_samples, 5)."""
        steps, _ = self.gru(sequence)
        logits: Tensor = self.head(steps.mean(dim=1))
        return logits


def gru() -> nn.Module:
    """Return the GRU."""
    return BothDirections()


class Causal(nn.Module):
    """A residual block of two dilated convolutions that see the past alone, as in temporal convolutional networks."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.past = 2 * dilation
        weight_norm = nn.utils.parametrizations.weight_norm
        self.first = weight_norm(nn.Conv1d(channels, channels, 3, dilation=dilation))
        self.second = weight_norm(nn.Conv1d(channels, channels, 3, dilation=dilation))

    def forward(self, sequence: Tensor) -> Tensor:
        """Keep the shape (n_samples, channels, n_steps)."""
        inner = self.first(nn.functional.pad(sequence, (self.past, 0))).relu()
        joined: Tensor = self.second(nn.functional.pad(inner, (self.past, 0))).relu() + sequence
        return joined.relu()


def temporal_convolution() -> nn.Module:
    """Return a temporal convolutional network on sequences of shape (n_samples, 8, n_steps), channels first."""
    blocks = [Causal(16, dilation) for dilation in (1, 2, 4)]
    ends = [nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 5)]
    return nn.Sequential(nn.Conv1d(8, 16, 1), *blocks, *ends)


class MaskedAttention(nn.Module):
    """`nn.MultiheadAttention` over tokens of which some are padding, told by a second input."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, 32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.head = nn.Linear(32, 4)

    def forward(self, tokens: Tensor, padding: Tensor) -> Tensor:
        """Map tokens and a mask, True at padding, both (n_samples, 12), to logits of shape (n_samples, 4)."""
        embedded = self.embedding(tokens)
        seen, _ = self.attention(embedded, embedded, embedded, key_padding_mask=padding, need_weights=False)
        kept = (~padding).to(seen.dtype).unsqueeze(-1)
        logits: Tensor = self.head((seen * kept).sum(dim=1) / kept.sum(dim=1))
        return logits


def masked_attention() -> nn.Module:
    """Return the attention with a mask."""
    return MaskedAttention()


class Translator(nn.Module):
    """`nn.Transformer`, encoder and decoder, with a causal mask on what was translated so far."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(100, 32)
        self.transformer = nn.Transformer(32, 4, 2, 2, dim_feedforward=64, batch_first=True)
        self.head = nn.Linear(32, 100)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(9))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Map tokens (n_samples, 12) and (n_samples, 9) to logits of shape (n_samples, 9, 100)."""
        found = self.transformer(self.words(source), self.words(target), tgt_mask=self.mask, tgt_is_causal=True)
        logits: Tensor = self.head(found)
        return logits


def translator() -> nn.Module:
    """Return the encoder and decoder."""
    return Translator()
