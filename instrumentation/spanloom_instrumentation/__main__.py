"""`python -m spanloom_instrumentation COMMAND …` traces a program without changing it."""

from spanloom_instrumentation.auto.command import main

main()
