namespace PerfCompare.Agent.Messages;

/// <summary>The notification that carries finished samples while a block runs.</summary>
internal sealed record SamplesParams(string RunId, IReadOnlyList<Sample> Samples);
