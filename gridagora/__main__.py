"""``python -m gridagora`` is the command line."""

from gridagora.scenarios.cli import main

if __name__ == "__main__":
    main()
