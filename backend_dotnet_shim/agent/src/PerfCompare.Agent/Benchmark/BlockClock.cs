using System.Diagnostics;

namespace PerfCompare.Agent.Benchmark;

/// <summary>A block's zero: its wall-clock time once, and everything after it monotonic.</summary>
internal sealed class BlockClock
{
    private const long NanosecondsPerTick = 100;

    private readonly long _start = Stopwatch.GetTimestamp();

    public long StartUnixNs { get; } =
        (DateTime.UtcNow.Ticks - DateTime.UnixEpoch.Ticks) * NanosecondsPerTick;

    public long ElapsedNs => Since(Stopwatch.GetTimestamp());

    /// <summary>Nanoseconds from the block's start to <paramref name="timestamp"/>.</summary>
    public long Since(long timestamp) => MonotonicClock.Nanoseconds(_start, timestamp);
}
