using System.Diagnostics;

namespace PerfCompare.Agent;

/// <summary>Durations between <see cref="Stopwatch"/> timestamps, in whole nanoseconds.</summary>
internal static class MonotonicClock
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    public static long Nanoseconds(long from, long to) =>
        Stopwatch.Frequency == NanosecondsPerSecond
            ? to - from
            : (long)((Int128)(to - from) * NanosecondsPerSecond / Stopwatch.Frequency);
}
