namespace PerfCompare.Agent.Messages;

/// <summary>The empty object: parameters or result of a method that has none.</summary>
internal sealed record Nothing;
