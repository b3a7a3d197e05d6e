"""The web service: NiceGUI pages and the comparison's REST API.

Inside this package the name `ui` belongs to NiceGUI; our own modules are imported relatively.
"""

__all__: list[str] = []
