namespace PerfCompare.Agent.Messages;

/// <summary>
/// Off the public protocol: what the same calls cost without our instruments. The difference to a
/// run's samples is what measuring costs.
/// </summary>
internal sealed record BareLoopResult(IReadOnlyList<long> DurationsNs);
