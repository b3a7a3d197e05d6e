"""A model server that speaks Ollama's HTTP API, for machines where no Ollama runs.

Its replies are marked with `x-perfcompare-simulator: 1` and its times are measured, not invented.
"""

from ollama_simulator.app import App, create_app
from ollama_simulator.faults import Fault
from ollama_simulator.latency import LatencyModel
from ollama_simulator.settings import SimulatorSettings

__all__ = ["App", "Fault", "LatencyModel", "SimulatorSettings", "create_app"]
