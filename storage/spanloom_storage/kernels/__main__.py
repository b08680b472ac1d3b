"""Compile the kernels and keep them; later starts load them in a tenth of a second."""

from spanloom_storage.kernels import check, columns

print(f"compiled: {check.__name__}, {columns.__name__}")
