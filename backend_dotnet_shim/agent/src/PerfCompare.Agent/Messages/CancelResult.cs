namespace PerfCompare.Agent.Messages;

/// <summary>Whether that run was in progress.</summary>
internal sealed record CancelResult(bool Cancelled);
