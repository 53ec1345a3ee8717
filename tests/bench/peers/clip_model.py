"""CLIP with the surgery of its last six blocks, and TagAlign's projector, as a user of PyTorch writes them down: the peer's
model, with random weights of a given shape. Letters: B images, L tokens (CLS first), D width, E joint embedding, h×w grid."""
import math

import torch
import torch.nn.functional as F
from torch import nn

SHAPES = {
    "b16": {"width": 768, "layers": 12, "patch": 16, "grid": 14, "text_width": 512, "text_layers": 12, "embed": 512},
    "small": {"width": 128, "layers": 8, "patch": 16, "grid": 4, "text_width": 64, "text_layers": 2, "embed": 64},
}
HEAD, CONTEXT, VOCABULARY, SURGERY_BLOCKS = 64, 77, 49408, 6


class LayerNorm(nn.LayerNorm):
    """In fp32 whatever comes in."""

    def forward(self, x):
        return F.layer_norm(x.float(), self.normalized_shape, self.weight, self.bias, self.eps).to(x.dtype)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.heads = width // HEAD
        self.norm1, self.norm2 = LayerNorm(width), LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def split(self, x):
        """q, k and v: [B, heads, L, HEAD] each."""
        batch, length, _ = x.shape
        return self.qkv(x).view(batch, length, 3, self.heads, HEAD).permute(2, 0, 3, 1, 4)

    def join(self, x):
        return self.out(x.transpose(1, 2).flatten(2))

    def mlp(self, x):
        x = self.wide(self.norm2(x))
        return self.narrow(x * torch.sigmoid(1.702 * x))

    def forward(self, x, causal=False):
        q, k, v = self.split(self.norm1(x))
        x = x + self.join(F.scaled_dot_product_attention(q, k, v, is_causal=causal))
        return x + self.mlp(x)

    def surgery(self, x, x_ori):
        """Both paths: values by values for x, as usual for x_ori."""
        q, k, v = self.split(self.norm1(x_ori))
        scale = HEAD**-0.5
        new = torch.softmax(v @ v.transpose(-1, -2) * scale, -1) @ v
        old = torch.softmax(q @ k.transpose(-1, -2) * scale, -1) @ v
        x_ori = x_ori + self.join(old)
        return x + self.join(new), x_ori + self.mlp(x_ori)


class Projection(nn.Module):
    """LayerNorm and a matrix: [..., D] → [..., E]."""

    def __init__(self, width, embed):
        super().__init__()
        self.norm, self.matrix = LayerNorm(width), nn.Parameter(torch.randn(width, embed) * width**-0.5)

    def forward(self, x):
        return self.norm(x) @ self.matrix


class ImageEncoder(nn.Module):
    def __init__(self, shape):
        super().__init__()
        width, self.grid = shape["width"], shape["grid"]
        self.stem = nn.Conv2d(3, width, shape["patch"], shape["patch"], bias=False)
        self.cls = nn.Parameter(torch.randn(width) * 0.02)
        self.positions = nn.Parameter(torch.randn(1 + self.grid**2, width) * 0.02)
        self.norm = LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(shape["layers"]))
        self.projection = Projection(width, shape["embed"])

    def placed(self, h, w):
        if (h, w) == (self.grid, self.grid):
            return self.positions
        square = self.positions[1:].T.reshape(1, -1, self.grid, self.grid)
        patches = F.interpolate(square, (h, w), mode="bicubic", align_corners=False)
        return torch.cat([self.positions[:1], patches.flatten(2)[0].T])

    def forward(self, images):
        """[B, 3, H, W] → [B, 1 + h·w, D], and the grid."""
        x = self.stem(images)
        grid = x.shape[2:]
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.to(x.dtype).expand(x.shape[0], 1, -1), x], 1)
        x = self.norm(x + self.placed(*grid).to(x.dtype))
        for block in self.blocks[:-SURGERY_BLOCKS]:
            x = block(x)
        x_ori = x
        for block in self.blocks[-SURGERY_BLOCKS:]:
            x, x_ori = block.surgery(x, x_ori)
        return torch.cat([x_ori[:, :1], x[:, 1:]], 1), grid


class TextEncoder(nn.Module):
    def __init__(self, shape):
        super().__init__()
        width = shape["text_width"]
        self.tokens = nn.Embedding(VOCABULARY, width)
        self.positions = nn.Parameter(torch.randn(CONTEXT, width) * 0.01)
        self.blocks = nn.ModuleList(Block(width) for _ in range(shape["text_layers"]))
        self.norm, self.projection = LayerNorm(width), nn.Parameter(torch.randn(width, shape["embed"]) * width**-0.5)

    def forward(self, ids):
        """[B, CONTEXT] → [B, E], read where the highest id is."""
        x = self.tokens(ids) + self.positions
        for block in self.blocks:
            x = block(x, causal=True)
        return self.norm(x)[torch.arange(len(ids)), ids.argmax(-1)] @ self.projection


class ResidualConvolutions(nn.Module):
    """Twice: x + tanh(gate) · conv(gelu(norm(x)))."""

    def __init__(self, width):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.convolutions = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.gates = nn.ParameterList(nn.Parameter(torch.zeros(())) for _ in range(2))

    def forward(self, x):
        for norm, convolution, gate in zip(self.norms, self.convolutions, self.gates):
            inner = F.gelu(norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
            x = x + torch.tanh(gate) * convolution(inner)
        return x


class Projector(nn.Module):
    """[B, h·w, D] → [B, h·w, E]."""

    def __init__(self, shape):
        super().__init__()
        self.net = nn.Sequential(*(ResidualConvolutions(shape["width"]) for _ in range(2)))
        self.projection = Projection(shape["width"], shape["embed"])

    def forward(self, patches, grid):
        x = patches.transpose(1, 2).reshape(len(patches), -1, *grid)
        return self.projection(self.net(x).flatten(2).transpose(1, 2))


def unit(x):
    return x / x.norm(dim=-1, keepdim=True).clamp_min(1e-6)


def frozen(module):
    return module.eval().requires_grad_(False)


def initial_scale():
    return nn.Parameter(torch.tensor(math.log(1 / 0.07)))
