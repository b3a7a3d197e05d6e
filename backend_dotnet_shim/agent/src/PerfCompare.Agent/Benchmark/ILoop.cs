namespace PerfCompare.Agent.Benchmark;

/// <summary>An arrangement of a block's calls.</summary>
internal interface ILoop
{
    /// <summary>Whether there is no moment without a call between the first and the last one.</summary>
    bool CallsOverlap { get; }

    /// <summary>Arrivals so far that were never sent.</summary>
    long Dropped { get; }

    /// <summary>Returns when the last call has ended.</summary>
    Task RunAsync();
}
