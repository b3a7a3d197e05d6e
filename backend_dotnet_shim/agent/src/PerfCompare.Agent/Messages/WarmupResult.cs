namespace PerfCompare.Agent.Messages;

/// <summary>The warm-up's calls.</summary>
internal sealed record WarmupResult(IReadOnlyList<Sample> Samples);
