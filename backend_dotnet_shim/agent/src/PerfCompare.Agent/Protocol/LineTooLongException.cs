namespace PerfCompare.Agent.Protocol;

/// <summary>A line is longer than the protocol allows: what follows cannot be trusted.</summary>
internal sealed class LineTooLongException() : Exception("a line is longer than 8 MiB");
