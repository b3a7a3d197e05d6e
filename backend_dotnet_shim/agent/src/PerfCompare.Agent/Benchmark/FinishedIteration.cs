using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Model;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// What one timed call left behind. Turning it into a sample parses the reply, so it is done when
/// the loop says so: in a batch, when no other call is being timed any more.
/// </summary>
internal sealed class FinishedIteration(Slot slot, BlockClock clock, Iteration iteration)
{
    private (Verdict Verdict, ModelReply Reply)[]? _judgements;

    public required Scenario Scenario { get; init; }

    /// <summary>Whether it was asked for in pieces.</summary>
    public required bool IsStreamed { get; init; }

    /// <summary>Timestamp just before the agent's run.</summary>
    public required long Started { get; init; }

    /// <summary>Timestamp just after it.</summary>
    public required long Ended { get; init; }

    /// <summary>What the run threw, if anything.</summary>
    public required Exception? Failure { get; init; }

    /// <summary>The verdict of a timeout or a cancellation; it goes before all others.</summary>
    public required Verdict? EndedByUs { get; init; }

    /// <summary>The turn of a conversation, else null.</summary>
    public required int? Turn { get; init; }

    public bool IsSuccess => Decide().Outcome is Outcome.Ok;

    private (Verdict Verdict, ModelReply Reply)[] Judgements =>
        _judgements ??= [.. iteration.Exchanges.Select(Judge.Exchange)];

    public Sample ToSample()
    {
        var verdict = Decide();
        ModelCall[] calls = [.. iteration.Exchanges.Zip(Judgements, (exchange, judgement) => Call(exchange, judgement.Reply))];
        return new(
            Sequence: slot.Sequence,
            Worker: slot.Worker,
            StartNs: clock.Since(Started),
            DurationNs: MonotonicClock.Nanoseconds(Started, Ended),
            Outcome: verdict.Outcome,
            Calls: calls,
            Batch: slot.Batch,
            IntendedStartNs: slot.IntendedStartNs,
            TransportNs: Sum(calls, call => call.TransportNs),
            ModelNs: Sum(calls, call => call.ModelNs),
            LoadNs: Sum(calls, call => call.LoadNs),
            PromptEvalNs: Sum(calls, call => call.PromptEvalNs),
            EvalNs: Sum(calls, call => call.EvalNs),
            PromptTokens: Sum(calls, call => call.PromptTokens),
            CompletionTokens: Sum(calls, call => call.CompletionTokens),
            FirstTokenNs: SinceStart(iteration.FirstText),
            LastTokenNs: SinceStart(iteration.LastText),
            Chunks: IsStreamed ? iteration.Chunks : null,
            Turn: Turn,
            ToolCalls: Scenario is Scenario.Tools ? iteration.ToolCalls : null,
            ToolNs: Scenario is Scenario.Tools ? MonotonicClock.Nanoseconds(0, iteration.ToolTime) : null,
            Parsed: iteration.Parsed,
            ErrorKind: verdict.Kind,
            ErrorMessage: verdict.Message);
    }

    /// <summary>Null when it never happened.</summary>
    private long? SinceStart(long timestamp) =>
        timestamp == 0 ? null : MonotonicClock.Nanoseconds(Started, timestamp);

    private Verdict Decide()
    {
        if (EndedByUs is { } ended)
        {
            return ended;
        }

        var verdict = Judgements
            .Select(judgement => judgement.Verdict)
            .FirstOrDefault(call => call.Outcome is not Outcome.Ok, Verdict.Ok);
        return verdict.Outcome is Outcome.Ok && Failure is not null
            ? Verdict.Error(ErrorKind.InvalidReply, $"{Failure.GetType().Name}: {Failure.Message}")
            : verdict;
    }

    private ModelCall Call(ModelExchange exchange, ModelReply reply) => new(
        StartNs: clock.Since(exchange.HttpStart),
        DurationNs: MonotonicClock.Nanoseconds(
            exchange.HttpStart,
            exchange.HttpEnd == 0 ? Ended : exchange.HttpEnd),
        HttpStartNs: clock.Since(exchange.HttpStart),
        TransportNs: exchange.HttpEnd == 0 || exchange.Failure is not null
            ? null
            : MonotonicClock.Nanoseconds(exchange.HttpStart, exchange.HttpEnd),
        ModelNs: reply.TotalNs,
        LoadNs: reply.LoadNs,
        PromptEvalNs: reply.PromptEvalNs,
        EvalNs: reply.EvalNs,
        PromptTokens: reply.PromptTokens,
        CompletionTokens: reply.CompletionTokens,
        DoneReason: reply.DoneReason);

    /// <summary>Null when there is no call, one of them is unknown, or the sum has no meaning.</summary>
    private static long? Sum(ModelCall[] calls, Func<ModelCall, long?> part)
    {
        Int128? sum = calls.Length == 0 ? null : 0;
        foreach (var call in calls)
        {
            sum += part(call);
        }

        return sum <= long.MaxValue ? (long?)sum : null;
    }
}
