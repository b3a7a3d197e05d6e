using System.Diagnostics;
using Microsoft.Agents.AI;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// The yardstick for our own overhead: the same prompts through an agent without instruments, timed
/// by a loop with nothing else in it. Off the public protocol.
/// </summary>
internal static class BareLoop
{
    public static async Task<IReadOnlyList<long>> RunAsync(
        AIAgent agent,
        PromptCycle prompts,
        long iterations,
        CancellationToken cancellationToken)
    {
        var durations = new List<long>();
        for (var sequence = 1L; sequence <= iterations; sequence++)
        {
            var prompt = prompts.For(sequence);
            var started = Stopwatch.GetTimestamp();
            await agent.RunAsync(prompt, cancellationToken: cancellationToken).ConfigureAwait(false);
            durations.Add(MonotonicClock.Nanoseconds(started, Stopwatch.GetTimestamp()));
        }

        return durations;
    }
}
