"""A fast random rotation: sign flips and Hadamard transforms."""


class Rotation:
    """Maps `dim` floats to `padded` (a multiple of 64) rotated ones, keeping lengths and inner products.

    One per collection and slot: the same seed gives the same rotation on every machine.
    """

    def __init__(self, dim: int, seed: int) -> None: ...
