using System.Collections.Concurrent;
using System.Diagnostics;
using PerfCompare.Agent.Flavours;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Model;

namespace PerfCompare.Agent.Benchmark;

/// <summary>The work of one iteration between two timestamps, and what it left behind.</summary>
internal sealed class TimedIteration(IModelCaller caller, PromptCycle prompts, TestConfiguration configuration)
{
    private readonly TimeSpan _timeout = TimeSpan.FromSeconds(configuration.RequestTimeoutSeconds);

    // By run: a warm-up has sessions of its own.
    private readonly ConcurrentDictionary<string, SessionPool> _sessions = new(StringComparer.Ordinal);

    public async Task<FinishedIteration> RunAsync(
        RunParams run,
        Slot slot,
        BlockClock clock,
        CancellationToken cancellationToken)
    {
        var prompt = prompts.For(slot.Sequence);
        var sessions = SessionsOf(run);
        var session = sessions is null ? null : await sessions.TakeAsync().ConfigureAwait(false);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var iteration = new Iteration(run.RunId, slot.Sequence, prompt, session?.History, limit.Token);
        var isStreamed = run.Mode is TestMode.Streaming;
        Iteration.Current = iteration;
        limit.CancelAfter(_timeout);
        Exception? failure = null;

        // Nothing but the call stands between the two timestamps.
        long ended;
        var started = Stopwatch.GetTimestamp();
        try
        {
            await (isStreamed ? caller.StreamAsync(iteration, limit.Token) : caller.CallAsync(iteration, limit.Token))
                .ConfigureAwait(false);
            ended = Stopwatch.GetTimestamp();
        }
#pragma warning disable CA1031 // Whatever a call throws is its sample's outcome, not the loop's end.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            ended = Stopwatch.GetTimestamp();
            failure = exception;
        }

        Iteration.Current = null;
        var finished = new FinishedIteration(slot, clock, iteration)
        {
            Scenario = configuration.Scenario,
            Turn = session?.Turn,
            IsStreamed = isStreamed,
            Started = started,
            Ended = ended,
            Failure = failure,
            EndedByUs = EndedBy(failure, limit, cancellationToken),
        };
        if (session is not null)
        {
            sessions!.GiveBack(session, finished.IsSuccess);
        }

        return finished;
    }

    private SessionPool? SessionsOf(RunParams run) =>
        configuration.Scenario is Scenario.Conversation
            ? _sessions.GetOrAdd(run.RunId, _ => new(caller, configuration.Turns))
            : null;

    /// <summary>The verdict when it was us who ended the call, else null.</summary>
    private Verdict? EndedBy(
        Exception? failure,
        CancellationTokenSource limit,
        CancellationToken cancellationToken) =>
        failure is null || !limit.IsCancellationRequested ? null
        : cancellationToken.IsCancellationRequested ? Verdict.Cancelled()
        : Verdict.Timeout(_timeout);
}
