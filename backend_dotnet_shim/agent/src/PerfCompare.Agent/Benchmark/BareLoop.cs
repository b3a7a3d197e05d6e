using System.Diagnostics;
using Microsoft.Agents.AI;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// The yardstick for our own overhead: the same prompts through an agent without instruments, timed
/// by loops with nothing else in them. Off the public protocol.
/// </summary>
internal sealed class BareLoop(AIAgent agent, PromptCycle prompts, long iterations, CancellationToken cancellationToken)
{
    private long _taken;

    /// <summary>Lets <paramref name="concurrency"/> workers use up the iterations.</summary>
    public async Task<BareLoopResult> RunAsync(long concurrency)
    {
        var started = Stopwatch.GetTimestamp();
        var durations = await Task.WhenAll(
            Enumerable.Range(0, (int)concurrency).Select(_ => Task.Run(WorkAsync, cancellationToken)))
            .ConfigureAwait(false);
        var wallNs = MonotonicClock.Nanoseconds(started, Stopwatch.GetTimestamp());
        return new([.. durations.SelectMany(worker => worker)], wallNs);
    }

    private async Task<List<long>> WorkAsync()
    {
        var durations = new List<long>();
        while (Interlocked.Increment(ref _taken) is var sequence && sequence <= iterations)
        {
            var prompt = prompts.For(sequence);
            var started = Stopwatch.GetTimestamp();
            await agent.RunAsync(prompt, cancellationToken: cancellationToken).ConfigureAwait(false);
            durations.Add(MonotonicClock.Nanoseconds(started, Stopwatch.GetTimestamp()));
        }

        return durations;
    }
}
