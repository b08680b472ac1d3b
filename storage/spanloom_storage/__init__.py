"""Where spans are kept: the seam (api), the batch, and the backends behind it."""
