using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace PerfCompare.Agent.Messages;

/// <summary>One block of timed calls, by number or by time.</summary>
internal sealed partial record RunParams(
    string RunId,
    [property: JsonConverter(typeof(PositiveConverter))] long FirstSequence,
    TestMode Mode,
    [property: JsonConverter(typeof(PositiveConverter))] long Concurrency,
    [property: JsonConverter(typeof(PositiveConverter))] long? Iterations = null,
    double? DurationSeconds = null,
    double? RatePerSecond = null,
    Arrivals? Arrivals = null,
    [property: JsonConverter(typeof(NonNegativeConverter))] long ArrivalSeed = 0,
    string? TraceParent = null) : IValidated
{
    private const long MaxConcurrency = 10_000;

    public string? FindProblem() =>
        Iterations is null && DurationSeconds is null
            ? "iterations or durationSeconds is needed"
        : DurationSeconds is <= 0 ? "durationSeconds is not positive"
        : RatePerSecond is <= 0 ? "ratePerSecond is not positive"
        : Mode is TestMode.Rate && RatePerSecond is null ? "ratePerSecond is needed in rate mode"
        : Mode is TestMode.Standard or TestMode.Streaming && Concurrency != 1
            ? $"concurrency is 1 in {WireName.Of(Mode)} mode"
        : Concurrency > MaxConcurrency ? $"concurrency is above {MaxConcurrency}"
        : TraceParent is not null && !TraceParentForm().IsMatch(TraceParent)
            ? "traceParent is not a W3C traceparent"
        : null;

    [GeneratedRegex(@"\A00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\z")]
    private static partial Regex TraceParentForm();
}
