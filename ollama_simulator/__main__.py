"""`python -m ollama_simulator`: serve a simulated model until told to stop."""

import sys
from collections.abc import Sequence

from ollama_simulator.app import create_app
from ollama_simulator.errors import InvalidSetting
from ollama_simulator.serving import serve
from ollama_simulator.settings import environment, read_settings

CONFIGURATION_ERROR = 78


def main(arguments: Sequence[str]) -> int:
    """Serve as the flags and the environment say; returns the exit code."""
    try:
        settings = read_settings(arguments, environment())
    except InvalidSetting as error:
        sys.stderr.write(f"ollama_simulator: {error}\n")
        return CONFIGURATION_ERROR
    return serve(create_app(settings), settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
