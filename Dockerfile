# One target for each service: web, python-backend, dotnet-backend, simulator, orchestrator.
#   docker build --target web -t perfcompare-web .
# pip takes its index from the environment of the build (PIP_INDEX_URL as a build secret or ARG).
ARG PYTHON_IMAGE=python:3.11.13-slim-bookworm
ARG DOTNET_SDK_IMAGE=mcr.microsoft.com/dotnet/sdk:10.0.100
ARG DOTNET_RUNTIME_IMAGE=mcr.microsoft.com/dotnet/runtime:10.0.0

FROM ${DOTNET_SDK_IMAGE} AS dotnet-sdk
FROM ${DOTNET_RUNTIME_IMAGE} AS dotnet-runtime

# The locked dependencies first: they change less often than the source.
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /source
COPY requirements.lock ./
RUN pip install -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY shared_models ./shared_models
COPY service_defaults ./service_defaults
COPY benchmark ./benchmark
COPY backend_python ./backend_python
COPY backend_dotnet_shim ./backend_dotnet_shim
COPY comparison ./comparison
COPY ollama_simulator ./ollama_simulator
COPY orchestrator ./orchestrator
COPY ui ./ui
RUN pip install --no-deps .

# The .NET agent, built by the product's own delivery into the cache that the service looks in.
FROM build AS dotnet-agent
COPY --from=dotnet-sdk /usr/share/dotnet /usr/share/dotnet
ENV PATH=/usr/share/dotnet:$PATH \
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 \
    PERFCOMPARE_CACHE_DIR=/opt/perfcompare-cache
WORKDIR /
RUN mkdir -p /opt/perfcompare-cache && python -m backend_dotnet_shim.delivery

# What every service has: Python, the packages, a user without rights, a data directory.
FROM ${PYTHON_IMAGE} AS service
RUN useradd --system --uid 10001 --home-dir /var/lib/perfcompare --create-home perfcompare
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PERFCOMPARE_DATA_DIR=/var/lib/perfcompare
WORKDIR /var/lib/perfcompare
USER 10001

FROM service AS web
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:5000/health', timeout=2)"]
CMD ["python", "-m", "ui"]

FROM service AS python-backend
EXPOSE 5001
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:5001/health', timeout=2)"]
CMD ["python", "-m", "backend_python"]

FROM service AS dotnet-backend
COPY --from=dotnet-runtime /usr/share/dotnet /usr/share/dotnet
COPY --from=dotnet-agent --chown=10001 /opt/perfcompare-cache /opt/perfcompare-cache
ENV PATH=/usr/share/dotnet:$PATH \
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 \
    PERFCOMPARE_CACHE_DIR=/opt/perfcompare-cache
EXPOSE 5002
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:5002/health', timeout=2)"]
CMD ["python", "-m", "backend_dotnet_shim"]

FROM service AS simulator
EXPOSE 11434
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:11434/api/version', timeout=2)"]
CMD ["python", "-m", "ollama_simulator"]

FROM service AS orchestrator
EXPOSE 18890
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:18890/health', timeout=2)"]
CMD ["python", "-m", "orchestrator", "--no-launch"]
