"""The scenarios beside chat: tools, conversation, structured."""

from benchmark.conformance.check import Group

GROUP = Group("scenarios")
