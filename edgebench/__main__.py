"""Run the command line: `python -m edgebench`."""

from edgebench.cli import main

if __name__ == "__main__":
    main()
