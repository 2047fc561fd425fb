"""`python -m zoo`."""

from zoo.app import main

main()
