"""A small shop whose services are traced: the demo, and an example to copy from."""
