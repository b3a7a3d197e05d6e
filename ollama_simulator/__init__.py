"""A model server that speaks Ollama's HTTP API, for machines where no Ollama runs.

Its replies are marked with `x-perfcompare-simulator: 1` and its times are measured, not invented.
It speaks, thinks, calls tools, keeps to a format and fails, each the same way for the same request.
The README beside this file says what it does and what it does not do.
"""

from ollama_simulator.app import App, create_app
from ollama_simulator.faults import Fault
from ollama_simulator.latency import LatencyModel
from ollama_simulator.settings import SimulatorSettings

__all__ = ["App", "Fault", "LatencyModel", "SimulatorSettings", "create_app"]
