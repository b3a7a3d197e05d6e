namespace PerfCompare.Agent.Messages;

/// <summary>The runtime's own counters since the process started.</summary>
internal sealed record RuntimeStatistics(
    IReadOnlyList<long>? GcCollections = null,
    long? GcPauseNs = null,
    long? HeapBytes = null,
    long? Threads = null);
