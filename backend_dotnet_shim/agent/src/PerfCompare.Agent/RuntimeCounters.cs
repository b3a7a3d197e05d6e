using System.Diagnostics;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent;

/// <summary>Reads the runtime's own counters.</summary>
internal static class RuntimeCounters
{
    private const long NanosecondsPerTick = 100;

    public static RuntimeStatistics Read()
    {
        using var process = Process.GetCurrentProcess();
        return new(
            [.. Enumerable.Range(0, GC.MaxGeneration + 1).Select(generation => (long)GC.CollectionCount(generation))],
            GC.GetTotalPauseDuration().Ticks * NanosecondsPerTick,
            GC.GetTotalMemory(forceFullCollection: false),
            process.Threads.Count);
    }
}
