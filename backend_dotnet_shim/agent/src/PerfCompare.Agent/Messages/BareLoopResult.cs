namespace PerfCompare.Agent.Messages;

/// <summary>
/// Off the public protocol: what the same calls cost without our instruments, each of them and all
/// together. The difference to a run is what measuring costs.
/// </summary>
internal sealed record BareLoopResult(IReadOnlyList<long> DurationsNs, long WallNs);
