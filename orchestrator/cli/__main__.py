"""`python -m orchestrator.cli` is the console command."""

from orchestrator.cli.main import main

if __name__ == "__main__":
    main()
