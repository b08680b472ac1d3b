"""What the shop sells: every size, material and kind of household goods."""

import itertools
from collections.abc import Iterator

SIZES = ("small", "large", "round", "folding", "garden", "kitchen")
MATERIALS = ("oak", "walnut", "linen", "wool", "copper", "steel", "glass", "clay")
KINDS = (
    *("table", "chair", "lamp", "bowl", "kettle", "blanket", "shelf", "basket", "mirror", "clock"),
    *("vase", "rug", "stool", "tray", "jug", "bench", "hook", "box", "frame", "pillow"),
)
PRODUCTS = len(SIZES) * len(MATERIALS) * len(KINDS)


def rows() -> Iterator[tuple[int, str, str, int, str]]:
    """Every product as a row of the catalogue: id, name, kind, price_cents, about."""
    for number, (size, material, kind) in enumerate(itertools.product(SIZES, MATERIALS, KINDS), start=1):
        other = f"{MATERIALS[number % len(MATERIALS)]} {KINDS[7 * number % len(KINDS)]}"
        about = f"A {size} {kind} to keep for years. It goes well with a {size} {other}"
        yield number, f"{size} {material} {kind}", kind, 500 + 37 * number % 9000, about
