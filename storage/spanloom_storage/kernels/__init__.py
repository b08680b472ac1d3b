"""Compiled passes over wire bytes: pure functions from buffers to buffers, without the GIL.

They read hostile bytes. `check` looks at every byte and every length first; `columns` may then
trust them. `python -m spanloom_storage.kernels` compiles both ahead of the first request.
"""
