"""`python -m lab VERB`: what each target of the Makefile calls."""

from lab.cli import main

if __name__ == "__main__":
    main()
