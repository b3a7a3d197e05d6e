namespace PerfCompare.Agent.Benchmark;

/// <summary>A reply that could be read: its figures, and whether it is one.</summary>
internal readonly record struct ParsedReply(ModelReply Figures, bool IsDone, string? Error);
