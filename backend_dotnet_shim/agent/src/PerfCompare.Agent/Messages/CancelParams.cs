namespace PerfCompare.Agent.Messages;

/// <summary>Which run or warm-up to cancel.</summary>
internal sealed record CancelParams(string RunId);
