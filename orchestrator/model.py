"""What the diagram is made of: resources and how they depend on each other; data only."""

from dataclasses import dataclass, replace

from .errors import DuplicateResource


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One box of the diagram.

    With a `module` it is a process of ours; without one it runs elsewhere and is only probed.
    """

    name: str
    port: int
    health_path: str
    module: str | None = None
    references: tuple[str, ...] = ()
    """Resources whose addresses it is told."""
    waits_for: tuple[str, ...] = ()
    """Resources that must have settled before it counts as ready; they all start at once."""
    stands_in_for: str | None = None
    """The external resource whose place it takes when that one does not answer."""


class Application:
    """The diagram while it is drawn."""

    def __init__(self) -> None:
        self._resources: dict[str, Resource] = {}

    def add_external(self, name: str, *, port: int, health_path: str) -> "ResourceBuilder":
        """Declare a server that somebody else runs."""
        return self._add(Resource(name=name, port=port, health_path=health_path))

    def add_service(
        self, name: str, *, module: str, port: int, health_path: str = "/health"
    ) -> "ResourceBuilder":
        """Declare a Python package that is run as a process and inherits its socket."""
        return self._add(Resource(name=name, module=module, port=port, health_path=health_path))

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Every resource, in the order of declaration."""
        return tuple(self._resources.values())

    def change(self, resource: Resource) -> None:
        """Replace the resource of that name."""
        self._resources[resource.name] = resource

    def resource(self, name: str) -> Resource:
        """Return a declared resource."""
        return self._resources[name]

    def _add(self, resource: Resource) -> "ResourceBuilder":
        if resource.name in self._resources:
            raise DuplicateResource(resource.name)
        self._resources[resource.name] = resource
        return ResourceBuilder(self, resource.name)


class ResourceBuilder:
    """Adds to one declared resource; every call returns the builder again."""

    def __init__(self, application: Application, name: str) -> None:
        self._application = application
        self.name = name

    def with_reference(self, *others: "ResourceBuilder") -> "ResourceBuilder":
        """Tell it the addresses of `others`."""
        current = self._application.resource(self.name)
        names = (*current.references, *(other.name for other in others))
        self._application.change(replace(current, references=names))
        return self

    def wait_for(self, *others: "ResourceBuilder") -> "ResourceBuilder":
        """Count it as ready only after `others` have settled."""
        current = self._application.resource(self.name)
        names = (*current.waits_for, *(other.name for other in others))
        self._application.change(replace(current, waits_for=names))
        return self

    def stand_in_for(self, external: "ResourceBuilder") -> "ResourceBuilder":
        """Launch it only in place of `external`."""
        current = self._application.resource(self.name)
        self._application.change(replace(current, stands_in_for=external.name))
        return self
