using System.Diagnostics;
using Microsoft.Agents.AI;
using PerfCompare.Agent.Model;

namespace PerfCompare.Agent.Benchmark;

/// <summary>One call of the agent between two timestamps, and what it left behind.</summary>
internal sealed class TimedIteration(AIAgent agent, PromptCycle prompts, TimeSpan timeout)
{
    public async Task<FinishedIteration> RunAsync(
        string runId,
        Slot slot,
        BlockClock clock,
        CancellationToken cancellationToken)
    {
        var prompt = prompts.For(slot.Sequence);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var recorder = new IterationRecorder(runId, slot.Sequence, limit.Token);
        IterationRecorder.Current = recorder;
        limit.CancelAfter(timeout);
        Exception? failure = null;

        // Nothing but the call stands between the two timestamps.
        long ended;
        var started = Stopwatch.GetTimestamp();
        try
        {
            await agent.RunAsync(prompt, cancellationToken: limit.Token).ConfigureAwait(false);
            ended = Stopwatch.GetTimestamp();
        }
#pragma warning disable CA1031 // Whatever a call throws is its sample's outcome, not the loop's end.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            ended = Stopwatch.GetTimestamp();
            failure = exception;
        }

        IterationRecorder.Current = null;
        return new(slot, clock, recorder.Exchanges)
        {
            Started = started,
            Ended = ended,
            Failure = failure,
            EndedByUs = EndedBy(failure, limit, cancellationToken),
        };
    }

    /// <summary>The verdict when it was us who ended the call, else null.</summary>
    private Verdict? EndedBy(
        Exception? failure,
        CancellationTokenSource limit,
        CancellationToken cancellationToken) =>
        failure is null || !limit.IsCancellationRequested ? null
        : cancellationToken.IsCancellationRequested ? Verdict.Cancelled()
        : Verdict.Timeout(timeout);
}
