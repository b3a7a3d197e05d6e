"""The diagram: what runs, on which port, and who talks to whom."""

from .model import Application

WEB = "web"
PYTHON_BACKEND = "python-backend"
DOTNET_BACKEND = "dotnet-backend"
OLLAMA = "ollama"
SIMULATOR = "ollama-simulator"

DASHBOARD_PATH = "/dashboard"


def application() -> Application:
    """Return the whole product: a dashboard, two benchmark backends and a model server."""
    app = Application()

    ollama = app.add_external(OLLAMA, port=11434, health_path="/api/version")
    app.add_service(
        SIMULATOR, module="ollama_simulator", port=11434, health_path="/api/version"
    ).stand_in_for(ollama)

    python_backend = app.add_service(
        PYTHON_BACKEND, module="backend_python", port=5001
    ).with_reference(ollama)
    dotnet_backend = app.add_service(
        DOTNET_BACKEND, module="backend_dotnet_shim", port=5002
    ).with_reference(ollama)

    app.add_service(WEB, module="ui", port=5000).with_reference(
        python_backend, dotnet_backend, ollama
    ).wait_for(python_backend, dotnet_backend)
    return app
