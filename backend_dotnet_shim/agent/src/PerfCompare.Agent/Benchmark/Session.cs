namespace PerfCompare.Agent.Benchmark;

/// <summary>A conversation that goes on; <paramref name="history"/> is the caller's own object.</summary>
internal sealed class Session(object history)
{
    public object History { get; } = history;

    /// <summary>The number of the turn in progress or just done, from 1.</summary>
    public int Turn { get; set; }
}
