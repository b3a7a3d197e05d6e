using System.Diagnostics;

namespace PerfCompare.Agent;

/// <summary>Durations in whole nanoseconds, most of them between <see cref="Stopwatch"/> timestamps.</summary>
internal static class MonotonicClock
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    public static long Nanoseconds(long from, long to) =>
        Stopwatch.Frequency == NanosecondsPerSecond
            ? to - from
            : (long)((Int128)(to - from) * NanosecondsPerSecond / Stopwatch.Frequency);

    /// <summary>As many as fit, for a time that is too long to be counted in them.</summary>
    public static long Nanoseconds(double seconds) => (long)Math.Min(seconds * NanosecondsPerSecond, long.MaxValue);
}
